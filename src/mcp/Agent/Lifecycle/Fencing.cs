using Mcp.Agent.Deploying;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Podman;

namespace Mcp.Agent.Lifecycle;

/// <summary>
/// Containers on data that a higher epoch superseded do not run on this node: they are stopped, and the data stays where it is. Looked at before
/// the agent starts anything, after each answer of the master, and again with every heartbeat, so that a stop that failed or was cut off by
/// a kill is made up for, and so is a container that somebody else (podman's boot unit, a person) has started.
/// </summary>
internal sealed partial class Fencing(AgentParts parts, ServiceOperations operations, ILogger logger)
{
    /// <summary>Stops what must not run. A stop that fails is logged and tried at the next look.</summary>
    public async Task EnforceAsync(CancellationToken ct)
    {
        foreach (var row in parts.Data.All().Where(d => d.State == "superseded"))
        {
            if (parts.Services.Find(row.Service) is not { } service)
                continue;
            try
            {
                if (service.DesiredRunning || await RunsAsync(service, ct))
                    await operations.StopByAgentAsync(ServiceName.Parse(row.Service), ct);
            }
            catch (Exception e) when (e is McpException or PodmanException)
            {
                NotStopped(row.Service, row.SupersededNode, row.SupersededEpoch, e.Message);
            }
        }
    }

    private async Task<bool> RunsAsync(RegisteredServiceRow service, CancellationToken ct)
    {
        foreach (var component in service.Components)
        {
            if (await parts.Containers.FindAsync(component.ContainerId, service.Name, component.Name, ct) is { } container && OwnedContainers.IsActive(container.Status))
                return true;
        }
        return false;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Service} is owned by {Node} in epoch {Epoch}, but its containers here could not be stopped; it is tried again: {Cause}")]
    private partial void NotStopped(string service, string node, ulong epoch, string cause);
}
