using System.Globalization;
using Mcp.Agent.Deploying;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Registry;
using Mcp.Podman;
using Mcp.Text;
using Seen = Mcp.V1.ContainerStatus;

namespace Mcp.Agent.Monitoring;

/// <summary>What is there now: registry rows beside what podman and the kernel say. Only this compares the two; nothing here changes anything.</summary>
internal sealed class Observer(AgentParts parts)
{
    /// <summary>Every registered container of a service, as it is now.</summary>
    /// <exception cref="PodmanException">Podman does not answer: unknown is not absent.</exception>
    public async Task<IReadOnlyList<Seen>> ObserveAsync(RegisteredServiceRow service, CancellationToken ct) => [.. (await LookAsync(service, ct)).Select(o => o.Seen)];

    /// <summary>As <see cref="ObserveAsync"/>, with what podman said of each container; null: there is none.</summary>
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

    /// <summary>Containers of this node's podman that no registry row names.</summary>
    public async Task<IReadOnlyList<Seen>> UnmanagedAsync(CancellationToken ct)
    {
        var known = parts.Services.All().SelectMany(s => s.Components).Select(c => c.ContainerId).ToHashSet(StringComparer.Ordinal);
        return [.. (await parts.Podman.ListContainersAsync(null, ct)).Where(c => !known.Contains(c.Id)).Select(c => new Seen
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
        seen.Drift = container.Name != component.ContainerName || !parts.Containers.IsOurs(container.Labels, service.Name, component.Name) ||
            container.Labels.GetValueOrDefault(OwnLabels.SpecHash) != component.SpecHash || (container.ImageId != component.Image.ImageId && "sha256:" + container.ImageId != component.Image.ImageId);
        return seen;
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
}

/// <summary>One container: its row, what is seen of it, and podman's own words; null: podman knows none.</summary>
internal sealed record Observed(RegisteredComponentRow Row, Seen Seen, ContainerDetail? Container);
