using Mcp.Agent.Deploying;
using Mcp.Podman;

namespace Mcp.Agent.Drilling;

/// <summary>
/// Removes what a drill has made: at its end, and at the agent's start what one left that was killed. Its containers go before its network, and before its
/// folder, which they have mounted. They are not restarted by podman, so at worst they lie there stopped.
/// </summary>
internal sealed partial class DrillSweep(AgentParts parts, ILogger logger)
{
    /// <summary>Removes containers and network of one drill.</summary>
    /// <exception cref="PodmanException">Podman does not do its part.</exception>
    public Task RemoveAsync(string operation, CancellationToken ct) => RemoveAsync([$"{DrillNames.Label}={operation}", $"{OwnLabels.Node}={parts.Node}"], c => true, ct);

    /// <summary>Removes those of every drill that is not under way in this process; what podman does not remove now is logged and left to the next start.</summary>
    public async Task RemoveLeftoversAsync(CancellationToken ct)
    {
        try
        {
            await RemoveAsync([DrillNames.Label, $"{OwnLabels.Node}={parts.Node}"], operation => !(Names.OperationId.TryParse(operation, out var id, out _) && parts.Runner.IsRunning(id)), ct);
        }
        catch (PodmanException e)
        {
            NotRemoved(e.Message);
        }
    }

    private async Task RemoveAsync(IReadOnlyList<string> labels, Func<string, bool> which, CancellationToken ct)
    {
        foreach (var container in await parts.Podman.ListContainersAsync(labels, ct))
        {
            if (DrillNames.IsDrill(container) && which(container.Labels[DrillNames.Label]))
                await parts.Podman.RemoveContainerAsync(container.Id, ct, force: true);
        }
        foreach (var network in await parts.Podman.ListNetworksAsync(labels, ct))
        {
            if (network.Labels.GetValueOrDefault(DrillNames.Label) is { } operation && which(operation))
                await parts.Podman.RemoveNetworkAsync(network.Name, ct);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "What a restore drill left could not be removed: {Cause}")]
    private partial void NotRemoved(string cause);
}
