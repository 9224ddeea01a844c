using Mcp.Agent.Deploying;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Registry;
using Mcp.Alerts;
using Mcp.V1;

namespace Mcp.Agent.Monitoring;

/// <summary>
/// How running containers say they are, for somebody who looks at this moment. Whoever looks is more impatient than the definitions are, and on a busy
/// machine a command in a container takes its seconds: one that did not answer in time is what the monitor calls it, and else nothing.
/// </summary>
internal sealed class HealthLook(AgentParts parts, HealthProbe probe)
{
    /// <summary>What a container may take to say how it is: with <see cref="Serving.PodmanLook"/> less than the 5 s of the one who asks.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Sets the health of those that run and have a check. One that does not answer must not make its whole node look silent.</summary>
    public async Task AskAsync(RegisteredServiceRow service, IReadOnlyList<ContainerStatus> containers, CancellationToken call)
    {
        var ports = ContainerRevival.PortsOf(parts, service);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(call);
        limit.CancelAfter(Patience);
        await Task.WhenAll(containers.Where(c => c.State == "running").Select(async container =>
        {
            var component = service.Spec.Components.First(c => c.Name == container.Component);
            try
            {
                if (component.Health is { } wanted && await parts.Podman.InspectContainerAsync(container.Id, limit.Token) is { } detail)
                    container.Health = await probe.TryAsync(service.Spec, component, wanted, detail, ports, limit.Token) is null ? "healthy" : "unhealthy";
            }
            catch (OperationCanceledException) when (!call.IsCancellationRequested)
            {
                container.Health = IsKnownUnhealthy(service.Name, component.Name) ? "unhealthy" : "";
            }
        }));
    }

    private bool IsKnownUnhealthy(string service, string component) => parts.Alerts.SinceOf(new AlertSubject(HealthWatch.Unhealthy, "", service, component)) is not null;
}
