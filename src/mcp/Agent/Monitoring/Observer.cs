using System.Collections.Concurrent;
using System.Globalization;
using Mcp.Agent.Deploying;
using Mcp.Agent.Drilling;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Registry;
using Mcp.Podman;
using Mcp.Text;
using Seen = Mcp.V1.ContainerStatus;

namespace Mcp.Agent.Monitoring;

/// <summary>
/// What is there now: registry rows beside what podman and the kernel say. Only this compares the two; nothing here changes anything.
/// However many services a node has, seeing all of them is one call to podman: its list says everything but who watches a container, and that
/// is asked once for each run of one (<see cref="WatcherOfAsync"/>).
/// </summary>
internal sealed class Observer(AgentParts parts)
{
    // By container id; valid for the run that had this first process and start.
    private readonly ConcurrentDictionary<string, Run> _runs = new(StringComparer.Ordinal);

    /// <summary>Every container that podman has, at one moment.</summary>
    /// <exception cref="PodmanException">Podman does not answer: unknown is not absent.</exception>
    public async Task<IReadOnlyList<ContainerSummary>> ListAsync(CancellationToken ct)
    {
        var all = await parts.Podman.ListContainersAsync(null, ct);
        foreach (var gone in _runs.Keys.Except(all.Select(c => c.Id), StringComparer.Ordinal))
            _runs.TryRemove(gone, out _);
        return all;
    }

    /// <summary>Every registered container of a service, as it is in <paramref name="listed"/>.</summary>
    /// <exception cref="PodmanException">Podman does not say who watches one.</exception>
    public async Task<IReadOnlyList<Seen>> ObserveAsync(RegisteredServiceRow service, IReadOnlyList<ContainerSummary> listed, CancellationToken ct)
    {
        var ports = ContainerRevival.PortsOf(parts, service);
        var seen = new List<Seen>();
        foreach (var component in service.Components)
        {
            var container = component.ContainerId.Length > 0 ? listed.FirstOrDefault(c => c.Id == component.ContainerId) : null;
            seen.Add(Describe(service, component, container is null ? null : new ContainerDetail
            {
                Id = container.Id,
                Name = container.Name,
                Labels = container.Labels,
                ImageId = container.ImageId,
                Status = container.Status,
                ExitCode = container.ExitCode,
                StartedAt = container.StartedAt,
                Pid = container.Pid,
                ConmonPid = await WatcherOfAsync(container, ct),
            }, ports));
        }
        return seen;
    }

    /// <summary>Every registered container of a service, as it is now.</summary>
    /// <exception cref="PodmanException">Podman does not answer: unknown is not absent.</exception>
    public async Task<IReadOnlyList<Seen>> ObserveAsync(RegisteredServiceRow service, CancellationToken ct) => [.. (await LookAsync(service, ct)).Select(o => o.Seen)];

    /// <summary>As <see cref="ObserveAsync(RegisteredServiceRow, CancellationToken)"/>, with what podman said of each container; null: there is none.</summary>
    /// <exception cref="PodmanException">Podman does not answer: unknown is not absent.</exception>
    public async Task<IReadOnlyList<Observed>> LookAsync(RegisteredServiceRow service, CancellationToken ct)
    {
        var ports = ContainerRevival.PortsOf(parts, service);
        var seen = new List<Observed>();
        foreach (var component in service.Components)
        {
            var container = component.ContainerId.Length > 0 ? await parts.Podman.InspectContainerAsync(component.ContainerId, ct) : null;
            seen.Add(new Observed(component, Describe(service, component, container, ports), container));
        }
        return seen;
    }

    /// <summary>Containers in <paramref name="listed"/> that no registry row names.</summary>
    public static IReadOnlyList<Seen> Unmanaged(IEnumerable<RegisteredServiceRow> services, IReadOnlyList<ContainerSummary> listed)
    {
        var known = services.SelectMany(s => s.Components).Select(c => c.ContainerId).ToHashSet(StringComparer.Ordinal);
        // A restore drill's containers are nobody's to adopt or to wonder at; they go with it.
        return [.. listed.Where(c => !known.Contains(c.Id) && !DrillNames.IsDrill(c)).Select(c => new Seen
        {
            Service = Printable.Line(c.Labels.GetValueOrDefault(OwnLabels.Service), 80),
            Component = Printable.Line(c.Labels.GetValueOrDefault(OwnLabels.Component), 80),
            Id = c.Id,
            Name = Printable.Line(c.Name, 200),
            Image = Printable.Line(c.Image, 300),
            State = Word(c.Status),
            ExitCode = c.ExitCode,
            Started = Stamp(c.StartedAt),
        })];
    }

    /// <summary>"running", "stopped", "unhealthy": what the containers come to, beside the wish.</summary>
    public static string StatusOf(RegisteredServiceRow service, IReadOnlyList<Seen> containers)
    {
        var wished = service.Components.Where(c => service.DesiredRunning && !c.Stopped).Select(c => c.Name).ToHashSet(StringComparer.Ordinal);
        var running = containers.Where(c => c.State == "running").Select(c => c.Component).ToHashSet(StringComparer.Ordinal);
        if (wished.Count == 0)
            return running.Count == 0 ? "stopped" : "unhealthy";
        return wished.SetEquals(running) && containers.All(c => c.State != "running" || c.ConmonAlive) ? "running" : "unhealthy";
    }

    /// <summary>What is not as it should be, in words, each with what resolves it.</summary>
    public static IEnumerable<string> ProblemsOf(RegisteredServiceRow service, IReadOnlyList<Seen> containers) =>
        ContainerConditions.Of(service, containers).Select(c => $"{c.Message}: {c.Command}");

    private Seen Describe(RegisteredServiceRow service, RegisteredComponentRow component, ContainerDetail? container, PortAssignment ports)
    {
        var spec = service.Spec.Components.First(c => c.Name == component.Name);
        var seen = new Seen
        {
            Service = service.Name,
            Component = component.Name,
            Id = component.ContainerId,
            Name = component.ContainerName,
            Image = component.Image.Reference,
            ImageDigest = component.Image.Digest,
            State = "missing",
            Generation = service.Generation,
            SpecHash = component.SpecHash,
            Stopped = component.Stopped,
            Network = ContainerTranslator.NetworkOf(service.Name, spec) ?? "host",
        };
        seen.Ports.AddRange(ports.ToMessages(new V1.ServiceSpec { Name = service.Name, Components = { spec } }, parts.State.Zone));
        if (container is null)
            return seen;
        seen.State = Word(container.Status);
        seen.ExitCode = container.ExitCode;
        seen.Started = Stamp(container.StartedAt);
        // Podman says Up as long as nobody tells it otherwise, and telling is conmon's work: both processes are looked for.
        var running = container.Status == ContainerStatus.Running;
        if (running && !ProcessLife.IsAlive(container.Pid))
            seen.State = "exited";
        seen.ConmonAlive = running && ProcessLife.IsAlive(container.ConmonPid);
        var labelled = parts.Containers.IsOurs(container.Labels, service.Name, component.Name) && container.Labels.GetValueOrDefault(OwnLabels.SpecHash) == component.SpecHash;
        seen.Drift = container.Name != component.ContainerName || (!labelled && !parts.Containers.IsAdopted(container, service.Name, component.Name)) || (container.ImageId != component.Image.ImageId && "sha256:" + container.ImageId != component.Image.ImageId);
        return seen;
    }

    /// <summary>
    /// The conmon of a running container. The list does not name it; it is the same for as long as a run lasts, so it is asked once a run.
    /// Whether it is alive is looked up in /proc every time.
    /// </summary>
    private async Task<int> WatcherOfAsync(ContainerSummary container, CancellationToken ct)
    {
        if (container.Status != ContainerStatus.Running)
            return 0;
        if (_runs.TryGetValue(container.Id, out var known) && known.Pid == container.Pid && known.Started == container.StartedAt)
            return known.Watcher;
        if (await parts.Podman.InspectContainerAsync(container.Id, ct) is not { } detail)
            return 0;
        // Restarted between the list and this: not kept, the next look asks again.
        if (detail.Pid == container.Pid && detail.ConmonPid > 0)
            _runs[container.Id] = new Run(container.Pid, container.StartedAt, detail.ConmonPid);
        return detail.ConmonPid;
    }

    /// <summary>The word for a state on the wire.</summary>
    public static string Word(ContainerStatus status) => status switch
    {
        ContainerStatus.Created => "created",
        ContainerStatus.Running => "running",
        ContainerStatus.Paused => "paused",
        ContainerStatus.Stopping => "stopping",
        ContainerStatus.Exited => "exited",
        ContainerStatus.Removing => "removing",
        _ => "unknown",
    };

    private static string Stamp(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "";

    /// <summary>One run of a container and the conmon that watches it.</summary>
    private sealed record Run(int Pid, DateTimeOffset? Started, int Watcher);
}

/// <summary>One container: its row, what is seen of it, and podman's own words; null: podman knows none.</summary>
internal sealed record Observed(RegisteredComponentRow Row, Seen Seen, ContainerDetail? Container);
