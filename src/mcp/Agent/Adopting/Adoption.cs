using Mcp.Agent.Deploying;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Podman;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Agent.Adopting;

/// <summary>
/// Takes running containers into the registry without touching them: they keep their processes, and from now on they are owned by id.
/// 1 each named container is looked at: running, of that very name, nobody else's; 2 what it is made of is read back; 3 rules, policy and
/// data gate, as in a deploy; 4 data record, then marker; 5 in one transaction the registry with the first generation and the ids. Killed
/// before 5 nothing is owned, and the same command again goes on. Podman is only asked, never told.
/// </summary>
internal sealed class Adoption(AgentParts parts, DeploymentChecks checks)
{
    /// <summary>Adopts.</summary>
    /// <exception cref="McpException">A container cannot be owned, with what stands in the way.</exception>
    public async Task<AdoptContainersResponse> RunAsync(AdoptContainersRequest request, OperationEntry entry, CancellationToken stop)
    {
        var given = request.Spec is null ? null : SpecBuilder.Complete(request.Spec);
        var service = given?.Name ?? request.Service;
        if (given is not null && request.Containers.Count > 0)
            throw new McpException(FaultCode.InvalidArgument, "either a definition says which containers are meant, or their names do") { Hint = "leave one of the two out" };
        var components = given is not null ? [.. given.Components.Select(c => c.Name)] : request.Containers.Select(c => ComponentOf(service, c)).ToList();
        if (components.Count == 0 || components.Distinct(StringComparer.Ordinal).Count() != components.Count)
            throw new McpException(FaultCode.InvalidArgument, components.Count == 0 ? "no container was named" : "a container was named twice");
        if (parts.Services.Find(service) is { } registered)
            return AlreadyOwned(registered, components);

        var found = new Dictionary<string, (ContainerDetail Container, ImageDetail Image)>(StringComparer.Ordinal);
        foreach (var component in components)
            found.Add(component, await entry.Scope.StepAsync($"look at {ContainerName.Of(service, component)}", () => LookAsync(service, component, stop)));
        var derived = Derive(service, found);
        var spec = given ?? SpecBuilder.Complete(derived.Clone());
        checks.RequireAllowed(spec);
        var data = DataGate.Decide(service, parts.Data.Find(service), parts.Folders.Observe(service), EpochOf(request), request.VolumeId, fresh: false, () => Guid.NewGuid().ToString("D"));
        var ports = PortsOf(spec, found);
        var differences = new List<string>();
        var rows = spec.Components.Select(c => RowOf(spec, c, derived.Components.First(d => d.Name == c.Name), found[c.Name], ports, differences)).ToList();

        if (data.WriteMarker)
        {
            // The record first, as in a deploy: a marker without a record is refused, a record without a marker asks for mcp data accept.
            parts.Data.Put(service, data.VolumeId, data.Epoch, spec, entry.Id.Value);
            parts.Folders.Mark(service, data.VolumeId, data.Epoch);
        }
        var generation = parts.Services.LastGeneration(service) + 1;
        var row = new RegisteredServiceRow(service, spec, SpecHash.OfService(spec), generation, true, "", entry.Id.Value, entry.Request.Principal, parts.Clock.Stamp(), rows);
        parts.Database.Write(connection =>
        {
            ServiceStore.Commit(connection, row);
            RouteStore.Reserve(connection, entry.Id.Value, service, ports.All);
            RouteStore.Settle(connection, spec);
            DataStore.SetSpec(connection, spec);
            foreach (var component in rows)
                AdoptionStore.Add(connection, component.ContainerId, service, component.Name, entry.Id.Value, parts.Clock.Stamp());
        });
        entry.Scope.Add(new StepResult { Step = "registry", Success = true });
        return Answer(row, derived, data, ports, differences, entry);
    }

    private AdoptContainersResponse AlreadyOwned(RegisteredServiceRow registered, List<string> components)
    {
        if (!registered.Components.Select(c => c.Name).ToHashSet(StringComparer.Ordinal).SetEquals(components) ||
            registered.Components.Any(c => parts.Adopted.Find(c.ContainerId) != (registered.Name, c.Name)))
        {
            throw new McpException(FaultCode.AlreadyExists, $"{registered.Name} is deployed on {parts.Node} (generation {registered.Generation}); there is nothing to adopt")
            {
                Hint = $"mcp deploy {registered.Name} changes it; mcp service show {registered.Name} shows it",
            };
        }
        var response = new AdoptContainersResponse { AlreadyDone = true, Derived = registered.Spec };
        response.Result = ResultOf(registered, parts.Data.Find(registered.Name), ContainerRevival.PortsOf(parts, registered));
        response.Result.AlreadyDone = response.Result.Unchanged = true;
        return response;
    }

    // "notes" is the component notes of notes, "notes-web" its component web: the names that a deploy would give.
    private static string ComponentOf(string service, string container)
    {
        var component = container == service ? service : container.StartsWith(service + "-", StringComparison.Ordinal) ? container[(service.Length + 1)..] : "";
        return ComponentName.TryParse(component, out _, out _) && ContainerName.Of(service, component) == container
            ? component
            : throw new McpException(FaultCode.InvalidArgument, $"the container {Printable.Line(container, 80)} is not called {service} or {service}-<component>")
            {
                Hint = $"rename it, which does not disturb it: podman rename {Printable.Line(container, 80)} {service}-<component>",
            };
    }

    private async Task<(ContainerDetail Container, ImageDetail Image)> LookAsync(string service, string component, CancellationToken stop)
    {
        var name = ContainerName.Of(service, component);
        var container = await parts.Podman.InspectContainerAsync(name, stop);
        if (container is null || container.Name != name)
        {
            throw new McpException(FaultCode.NotFound, $"there is no container called {name} on {parts.Node}")
            {
                Hint = $"podman ps on the node; one of another name is renamed without being disturbed: podman rename <name> {name}",
            };
        }
        if (container.Status != Podman.ContainerStatus.Running)
            throw Refuse(name, $"it is {Monitoring.Observer.Word(container.Status)}, and only running containers are adopted", $"podman start {name}, or deploy the service: mcp deploy {service}");
        // Any label of ours must say exactly this: one that names another service, another node or another fleet is believed, and refused.
        var ours = container.Labels.Where(l => l.Key.StartsWith("mcp.", StringComparison.Ordinal)).ToList();
        if (ours.Count > 0 && !parts.Containers.IsOurs(container.Labels, service, component))
        {
            throw Refuse(name, $"its labels say that it belongs to {Printable.Line(container.Labels.GetValueOrDefault(OwnLabels.Service, "something else"), 80)} on {Printable.Line(container.Labels.GetValueOrDefault(OwnLabels.Node, "another node"), 80)}",
                "adopt it there, or make it anew without labels mcp.*");
        }
        if (parts.Services.All().SelectMany(s => s.Components).FirstOrDefault(c => c.ContainerId == container.Id) is { } other)
            throw Refuse(name, $"it is {other.Service}/{other.Name} in the registry", $"mcp list; mcp service show {other.Service}");
        if (container.Mounts.FirstOrDefault(m => m.Type != "bind") is { } volume)
        {
            throw Refuse(name, $"{Printable.Line(volume.Destination, 200)} is the named or anonymous volume {Printable.Line(volume.Name, 80)}, which no definition can express",
                $"move its files to /srv/{service}/ and start the container with a bind mount");
        }
        var image = await parts.Podman.InspectImageAsync(container.ImageId, stop)
            ?? throw Refuse(name, "its image is gone, so it could never be made again", $"pull or load the image {Printable.Line(container.Image, 200)}");
        return (container, image);
    }

    private ServiceSpec Derive(string service, Dictionary<string, (ContainerDetail Container, ImageDetail Image)> found)
    {
        var derived = new ServiceSpec { Name = service, Active = true };
        foreach (var (component, (container, image)) in found)
        {
            derived.Components.Add(RunningComponent.Derive(component, container, image, parts.Configuration.DataRoot));
            foreach (var mount in container.Mounts.Where(m => !RunningComponent.IsOwn(m, service, parts.Configuration.DataRoot)))
            {
                var allowed = $"{mount.Source}{(mount.ReadOnly ? ":ro" : "")}";
                if (!derived.AllowHostPaths.Contains(allowed))
                    derived.AllowHostPaths.Add(allowed);
            }
        }
        return derived;
    }

    // Asked directly, nobody knows of an epoch; but the container runs here and now on what lies here, so this is where its data is.
    private ulong EpochOf(AdoptContainersRequest request) => request.Epoch != 0 || parts.Data.Find(request.Spec?.Name ?? request.Service) is not null ? request.Epoch : 1;

    private PortAssignment PortsOf(ServiceSpec spec, Dictionary<string, (ContainerDetail Container, ImageDetail Image)> found)
    {
        var taken = parts.Routes.All();
        var all = new Dictionary<(string, string), int>();
        foreach (var component in spec.Components.Where(c => !HostPorts.IsHostNetwork(c)))
        {
            foreach (var route in component.Routes)
            {
                if (RunningComponent.HostPortOf(component, route, found[component.Name].Container) is { } port && !taken.ContainsKey(port) && !all.ContainsValue(port))
                    all[(component.Name, route.Name)] = port;
            }
        }
        return new PortAssignment(all, all);
    }

    private RegisteredComponentRow RowOf(
        ServiceSpec spec, ComponentSpec wanted, ComponentSpec running, (ContainerDetail Container, ImageDetail Image) found, PortAssignment ports, List<string> differences)
    {
        var environment = EnvFiles.Read(parts.Configuration.DataRoot, spec, wanted);
        var lost = wanted.Routes.Where(r => !HostPorts.IsHostNetwork(wanted) && !ports.All.ContainsKey((wanted.Name, r.Name))).ToList();
        var differs = lost.Select(r => $"route {r.Name}: no port of the container leads to it").ToList();
        if (lost.Count == 0)
        {
            var published = HostPorts.Published(wanted, ports).Select(p => RunningComponent.TextOf(new PublishedPort(p.Address, p.HostPort, p.ContainerPort, p.Protocol))).ToHashSet(StringComparer.Ordinal);
            differs.AddRange(RunningComponent.Differences(wanted, running, found.Container, found.Image, published, environment));
        }
        var name = ContainerName.Of(spec.Name, wanted.Name);
        differences.AddRange(differs.Select(d => $"{name}: {d}"));
        var hash = SpecHash.OfComponent(spec, wanted);
        // What differs is never taken for unchanged, so the next deploy replaces it as it replaces any other, with put-back.
        return differs.Count == 0
            ? new RegisteredComponentRow(spec.Name, wanted.Name, name, found.Container.Id, hash, checks.MadeOf(hash, found.Image.Id, environment), ImagePreparation.PinOf(wanted, found.Image))
            : new RegisteredComponentRow(spec.Name, wanted.Name, name, found.Container.Id, hash, $"adopted {found.Container.Id}", ImagePreparation.PinOf(running, found.Image));
    }

    private AdoptContainersResponse Answer(
        RegisteredServiceRow row, ServiceSpec derived, DataDecision data, PortAssignment ports, List<string> differences, OperationEntry entry)
    {
        var result = ResultOf(row, null, ports);
        (result.Epoch, result.VolumeId) = (data.Epoch, data.VolumeId);
        result.Differences.AddRange(differences);
        result.Steps.AddRange(entry.Scope.Steps);
        var response = new AdoptContainersResponse { Derived = SpecBuilder.Complete(derived), Result = result };
        response.Components.AddRange(result.Components);
        response.Differences.AddRange(differences);
        return response;
    }

    private AgentDeployResult ResultOf(RegisteredServiceRow row, DataRow? data, PortAssignment ports)
    {
        var result = new AgentDeployResult { Generation = row.Generation, SpecHash = row.SpecHash, Spec = row.Spec, Epoch = data?.Epoch ?? 0, VolumeId = data?.VolumeId ?? "" };
        result.Components.AddRange(row.Components.Select(c => new ComponentOutcome { Component = c.Name, Action = "adopted", ContainerId = c.ContainerId, SpecHash = c.SpecHash }));
        result.Images.AddRange(row.Components.Select(c => c.Image));
        result.Ports.AddRange(ports.ToMessages(row.Spec, parts.State.Zone));
        return result;
    }

    private static McpException Refuse(string name, string cause, string hint) =>
        new(FaultCode.FailedPrecondition, $"the container {name} cannot be adopted; it was not touched") { Cause = cause, Hint = hint };
}
