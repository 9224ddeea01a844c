using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Podman;

namespace Mcp.Agent.Deploying;

/// <summary>
/// Undoes a deploy that was not committed, or ends one that was. Works from the journal's rows and from what podman says is there now, so it may
/// be run again from any point: at a failure, after a kill, after a kill while it ran.
///
/// Back: 1 in reverse order every new container goes (found by the operation's label as well as by its recorded id); 2 in reverse order every old
/// container gets its name again and, if it ran, runs; 3 the network that the deploy made goes; 4 the reserved ports are free; 5 a data folder that
/// the deploy made and nobody wrote to goes, with its record. All new ones go first because an old one may need the ports of another new one.
/// </summary>
internal sealed class PutBack(AgentParts parts)
{
    private static readonly TimeSpan[] Pauses = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(6), TimeSpan.FromSeconds(10)];

    /// <summary>Undoes the deploy; a podman that does not answer is tried again for about 20 s.</summary>
    /// <returns>What state things are in now.</returns>
    public async Task<string> RunWithPatienceAsync(OperationId operation, CancellationToken stop)
    {
        foreach (var pause in Pauses)
        {
            try
            {
                return await RunAsync(operation, stop);
            }
            catch (PodmanException)
            {
                await Task.Delay(pause, parts.Clock, stop);
            }
        }
        return await RunAsync(operation, stop);
    }

    /// <summary>Undoes the deploy once.</summary>
    /// <exception cref="PodmanException">Podman does not do its part; to be run again.</exception>
    public async Task<string> RunAsync(OperationId operation, CancellationToken stop)
    {
        if (parts.Deployments.Find(operation) is not { } deployment)
            return "nothing was changed";
        if (deployment.Committed)
            throw new McpException(FaultCode.Internal, $"operation {operation} is committed and cannot be put back");
        var service = deployment.NewSpec.Name;
        foreach (var change in deployment.Components.Reverse())
            await RemoveNewAsync(deployment, change, service, stop);
        var restored = new List<string>();
        foreach (var change in deployment.Components.Reverse())
        {
            if (await RestoreOldAsync(change, service, stop) is { } word)
                restored.Add(word);
        }
        if (deployment.MadeNetwork)
            await RemoveNetworkAsync(service, stop);
        parts.Database.Write(connection => RouteStore.Release(connection, operation.Value));
        if (deployment.MadeData)
            ForgetUnusedData(service);
        return restored.Count == 0 ? "nothing of this deploy is left" : string.Join("; ", restored);
    }

    /// <summary>Ends a committed deploy: the old containers go, and a network that nobody uses any more.</summary>
    public async Task FinishAsync(OperationId operation, CancellationToken stop)
    {
        var deployment = parts.Deployments.Find(operation);
        foreach (var change in deployment?.Components.Where(c => c.Retires) ?? [])
        {
            if (await parts.Containers.FindAsync(change.OldId, deployment!.NewSpec.Name, change.Component, stop) is { } old)
                await parts.Containers.DiscardAsync(old, stop);
        }
        if (deployment is not null && deployment.NewSpec.Components.All(c => c.Network.Length > 0) && deployment.OldSpec?.Components.Any(c => c.Network.Length == 0) == true)
            await RemoveNetworkAsync(deployment.NewSpec.Name, stop);
    }

    /// <summary>Removes the service's own network if it is the service's and nothing uses it.</summary>
    public async Task RemoveNetworkAsync(string service, CancellationToken stop)
    {
        var name = ContainerTranslator.OwnNetwork(service);
        if (await parts.Podman.InspectNetworkAsync(name, stop) is { } network && network.Labels.GetValueOrDefault(OwnLabels.Service) == service &&
            (await parts.Podman.ListContainersAsync(null, stop, name)).Count == 0)
        {
            await parts.Podman.RemoveNetworkAsync(name, stop);
        }
    }

    private async Task RemoveNewAsync(DeploymentRow deployment, ComponentChange change, string service, CancellationToken stop)
    {
        if (!change.Makes)
            return;
        var made = await parts.Containers.MadeByAsync(deployment.Operation.Value, service, stop);
        foreach (var id in made.Where(c => c.Labels.GetValueOrDefault(OwnLabels.Component) == change.Component).Select(c => c.Id).Append(change.NewId).Where(i => i.Length > 0).Distinct())
        {
            if (await parts.Containers.FindAsync(id, service, change.Component, stop) is { } container)
            {
                // It may have opened the service's databases: it gets its grace like any other.
                await parts.Containers.DiscardAsync(container, stop);
            }
        }
    }

    private async Task<string?> RestoreOldAsync(ComponentChange change, string service, CancellationToken stop)
    {
        if (change.OldId.Length == 0 || change.Action == ChangeAction.Keep)
            return null;
        if (await parts.Containers.FindAsync(change.OldId, service, change.Component, stop) is not { } old)
            return $"{change.ContainerName} is gone (it was removed by somebody else meanwhile)";
        if (old.Name != change.ContainerName && change.Retires)
            await parts.Podman.RenameContainerAsync(old.Id, change.ContainerName, stop);
        if (change.Action == ChangeAction.Start)
        {
            await parts.Containers.StopAsync(old, stop);
            return $"{change.ContainerName} is stopped as before";
        }
        if (!change.OldRunning)
            return $"{change.ContainerName} is stopped as before";
        if (!OwnedContainers.IsRunning(old))
            await parts.Podman.StartContainerAsync(old.Id, stop);
        return OwnedContainers.IsRunning(await parts.Podman.InspectContainerAsync(old.Id, stop))
            ? $"{change.ContainerName} runs as before"
            : $"{change.ContainerName} was put back but does not stay up: podman logs {change.ContainerName}";
    }

    private void ForgetUnusedData(string service)
    {
        // Only what nobody wrote to: a marker and empty folders. Everything else stays, with its record.
        if (parts.Folders.TryRemoveUnused(service) || parts.Folders.Observe(service).Content is FolderContent.Absent or FolderContent.Unmarked or FolderContent.Empty)
            parts.Data.Remove(service);
    }
}
