namespace Mcp.Agent.Deploying;

/// <summary>
/// Containers of operations that are over and that no registry row names: an old one that podman did not remove after the commit, a new one
/// that a put-back could not reach. They go at the service's next deploy, at its undeploy, and when the agent starts.
/// </summary>
internal sealed class Leftovers(AgentParts parts, DeploymentChecks checks)
{
    /// <summary>What is said when an old container stays behind.</summary>
    public static string Told(Exception why) =>
        $"an old container could not be removed yet ({why.Message}); it is stopped, and the next deploy, the undeploy or the agent's next start removes it";

    /// <summary>Removes those of one service; its lock is held by the caller.</summary>
    public async Task RemoveAsync(string service, CancellationToken ct)
    {
        var registered = (parts.Services.Find(service)?.Components ?? []).Select(c => c.ContainerId).ToHashSet(StringComparer.Ordinal);
        foreach (var container in await parts.Containers.LabelledAsync(service, ct))
        {
            if (!registered.Contains(container.Id) && checks.IsLeftover(container.Labels, service) &&
                await parts.Podman.InspectContainerAsync(container.Id, ct) is { } detail)
                await parts.Containers.DiscardAsync(detail, ct);
        }
    }
}
