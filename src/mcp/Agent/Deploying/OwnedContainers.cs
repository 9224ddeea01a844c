using System.Diagnostics.CodeAnalysis;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Podman;
using Mcp.Text;

namespace Mcp.Agent.Deploying;

/// <summary>
/// Everything that stops, renames or removes a container goes through here: by an id from our database, and only after podman's labels for
/// that id say that it is this component of this service on this node. A name proves nothing. A container that was adopted has no labels of
/// ours; there the adoption's row for this very id says it.
/// </summary>
internal sealed class OwnedContainers(PodmanClient podman, AdoptionStore adopted, string node, TimeProvider clock)
{
    /// <summary>Between SIGTERM and SIGKILL.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    // Podman cannot be told never to kill, so its patience is longer than anybody's here.
    private static readonly TimeSpan Patience = TimeSpan.FromHours(12);

    /// <summary>The container of <paramref name="id"/>, or null when podman has none of that id.</summary>
    /// <exception cref="McpException">There is one, and it is not ours: the registry and podman disagree.</exception>
    public async Task<ContainerDetail?> FindAsync(string id, string service, string component, CancellationToken ct)
    {
        if (id.Length == 0)
            return null;
        var found = await podman.InspectContainerAsync(id, ct);
        if (found is null || found.Id != id)
            return null;
        return IsOurs(found, service, component)
            ? found
            : throw new McpException(FaultCode.FailedPrecondition, $"container {id[..12]} is registered for {service}/{component}, but its labels say otherwise; it was not touched")
            {
                Cause = $"its name is {Printable.Line(found.Name)}",
                Hint = $"podman inspect {id[..12]}",
            };
    }

    /// <summary>Containers that the operation made, whatever became of their names.</summary>
    public async Task<IReadOnlyList<ContainerSummary>> MadeByAsync(string operation, string service, CancellationToken ct) =>
        [.. (await podman.ListContainersAsync([$"{OwnLabels.Operation}={operation}", $"{OwnLabels.Service}={service}", $"{OwnLabels.Node}={node}"], ct))
            .Where(c => c.Labels.GetValueOrDefault(OwnLabels.Operation) == operation && c.Labels.GetValueOrDefault(OwnLabels.Service) == service)];

    /// <summary>Every container that carries our labels for a service of this node.</summary>
    public async Task<IReadOnlyList<ContainerSummary>> LabelledAsync(string service, CancellationToken ct) =>
        [.. (await podman.ListContainersAsync([$"{OwnLabels.Service}={service}", $"{OwnLabels.Node}={node}"], ct))
            .Where(c => c.Labels.GetValueOrDefault(OwnLabels.Service) == service)];

    /// <summary>SIGTERM, then SIGKILL after the grace; asks again what became of it when podman's answer was lost. It stays stopped, see <see cref="FinalStop"/>.</summary>
    /// <exception cref="McpException">It is started again as fast as it is stopped (DeadlineExceeded).</exception>
    public Task StopAsync(ContainerDetail container, CancellationToken ct) => new FinalStop(podman, clock, mayKill: true).StopAsync(container, Grace, ct);

    /// <summary>SIGTERM and nothing else, for as long as <paramref name="ct"/> lets it; it stays stopped.</summary>
    /// <exception cref="McpException">It is started again as fast as it is stopped (DeadlineExceeded).</exception>
    public Task StopGentlyAsync(ContainerDetail container, CancellationToken ct) => new FinalStop(podman, clock, mayKill: false).StopAsync(container, Patience, ct);

    /// <summary>SIGTERM, then SIGKILL after the grace, to what runs at this moment: for one that is started or removed next, whatever its restart policy does meanwhile.</summary>
    public async Task EndLifeAsync(ContainerDetail container, CancellationToken ct)
    {
        if (IsActive(container.Status))
            await new FinalStop(podman, clock, mayKill: true).StopOnceAsync(container.Id, Grace, ct);
    }

    /// <summary>Ends a container with its grace (it may have the service's databases open) and removes it.</summary>
    public async Task DiscardAsync(ContainerDetail container, CancellationToken ct)
    {
        await EndLifeAsync(container, ct);
        await RemoveAsync(container, force: true, ct);
    }

    /// <summary>Removes a container that was stopped, or (with <paramref name="force"/>) whatever state it is in.</summary>
    public async Task RemoveAsync(ContainerDetail container, bool force, CancellationToken ct)
    {
        try
        {
            await podman.RemoveContainerAsync(container.Id, ct, force);
        }
        catch (PodmanException e) when (e.EffectUnknown)
        {
            if (await podman.InspectContainerAsync(container.Id, ct) is not null)
                throw;
        }
        adopted.Remove(container.Id);
    }

    /// <summary>Whether this container is ours, by its labels or by its adoption.</summary>
    public bool IsOurs(ContainerDetail container, string service, string component) =>
        IsOurs(container.Labels, service, component) || IsAdopted(container, service, component);

    /// <summary>Whether this container, which carries no labels of ours, was adopted as this component.</summary>
    public bool IsAdopted(ContainerDetail container, string service, string component) => adopted.Find(container.Id) == (service, component);

    /// <summary>Whether labels say: ours, of this node, this service and component.</summary>
    public bool IsOurs(IReadOnlyDictionary<string, string> labels, string service, string component) =>
        labels.GetValueOrDefault(OwnLabels.Service) == service && labels.GetValueOrDefault(OwnLabels.Component) == component &&
        labels.GetValueOrDefault(OwnLabels.Node) == node;

    /// <summary>Whether a process is or may be there.</summary>
    public static bool IsActive(ContainerStatus status) => status is ContainerStatus.Running or ContainerStatus.Paused or ContainerStatus.Stopping;

    /// <summary>Whether it runs.</summary>
    public static bool IsRunning([NotNullWhen(true)] ContainerDetail? container) => container?.Status == ContainerStatus.Running;
}
