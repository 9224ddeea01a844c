using Mcp.Agent.Deploying;
using Mcp.Agent.Monitoring;
using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Podman;

namespace Mcp.Agent.Lifecycle;

/// <summary>
/// Brings containers of the current generation up: at the agent's start, by <c>mcp start</c> and <c>mcp restart</c>. Replaces nothing; a container
/// that is gone is made again from the registry, by the pinned image; so is one whose end nobody told podman. Never on data that is not provably this
/// service's.
/// </summary>
internal sealed class ContainerRevival(AgentParts parts, DeploymentChecks checks, ImagePreparation images)
{
    /// <summary>Refuses to start a service whose data is missing, foreign or superseded.</summary>
    /// <exception cref="McpException">With the command that resolves it.</exception>
    public void RequireData(string service)
    {
        if (parts.Data.Find(service) is { } row)
            DataGate.Decide(service, row, parts.Folders.Observe(service), 0, "", fresh: false, () => "");
    }

    /// <summary>Makes sure that one container runs.</summary>
    /// <returns>"unchanged", "started" or "created".</returns>
    public async Task<(string Action, string ContainerId)> EnsureRunningAsync(RegisteredServiceRow service, RegisteredComponentRow component, OperationScope scope, CancellationToken ct)
    {
        var container = await parts.Containers.FindAsync(component.ContainerId, service.Name, component.Name, ct);
        if (container is not null && IsLost(container))
        {
            scope.Say($"{component.ContainerName} is made anew: its conmon is gone, and podman would never start it again");
            await parts.Containers.RemoveAsync(container, force: true, ct);
            container = null;
        }
        if (OwnedContainers.IsRunning(container))
            return ("unchanged", container.Id);
        if (container is { Status: ContainerStatus.Stopping })
        {
            // Somebody told it to end, and it does not: podman starts it again only when it has.
            scope.Say($"{component.ContainerName} was told to end and did not; it is killed and started again");
            await parts.Containers.EndLifeAsync(container, ct);
        }
        if (container is not null)
        {
            await StartAsync(container.Id, component.ContainerName, ct);
            return ("started", container.Id);
        }
        var id = await MakeAsync(service, component, scope, ct);
        await StartAsync(id, component.ContainerName, ct);
        return ("created", id);
    }

    /// <summary>
    /// Whether the env files say something else than when the container was made: a container keeps what it was made with, and only a deploy
    /// makes a new one with health check and put-back. Null: they do not, or there are none.
    /// </summary>
    public string? StaleEnvironment(RegisteredServiceRow service, RegisteredComponentRow row)
    {
        var component = service.Spec.Components.First(c => c.Name == row.Name);
        if (component.EnvFiles.Count == 0)
            return null;
        try
        {
            var environment = EnvFiles.Read(parts.Configuration.DataRoot, service.Spec, component);
            return checks.MadeOf(row.SpecHash, row.Image.ImageId, environment) == row.MadeOf
                ? null
                : $"they have changed since the container was made, and it keeps the old values; mcp deploy {service.Name} takes the new ones";
        }
        catch (McpException e)
        {
            return $"{e.Message}: {e.Cause}; the container keeps the values that it was made with, and the next deploy would be refused";
        }
    }

    private async Task<string> MakeAsync(RegisteredServiceRow service, RegisteredComponentRow row, OperationScope scope, CancellationToken ct)
    {
        var component = service.Spec.Components.First(c => c.Name == row.Name);
        var image = await images.PrepareAsync(component, row.Image, pull: false, scope, ct);
        ImagePreparation.RequireCovered(service.Spec, component, image.Detail);
        var environment = EnvFiles.Read(parts.Configuration.DataRoot, service.Spec, component);
        parts.Folders.EnsureVolumes(service.Spec, _ => null);
        if (ContainerTranslator.NetworkOf(service.Name, component) is { } network)
        {
            var labels = new Dictionary<string, string> { [OwnLabels.Node] = parts.Node };
            if (network == ContainerTranslator.OwnNetwork(service.Name))
                labels[OwnLabels.Service] = service.Name;
            await parts.Podman.EnsureNetworkAsync(network, labels, ct);
        }
        var create = ContainerTranslator.Translate(new ContainerRecipe
        {
            Service = service.Spec,
            Component = component,
            Node = parts.Node,
            Generation = service.Generation,
            Operation = scope.Id.Value,
            SpecHash = row.SpecHash,
            Image = image.Detail,
            Ports = PortsOf(service),
            EnvironmentOfFiles = environment,
            DataRoot = parts.Configuration.DataRoot,
        });
        // A container of the same name and labels that the registry does not know by id is the rest of a try that was killed right here.
        if (await parts.Podman.InspectContainerAsync(create.Name, ct) is { } other && other.Name == create.Name &&
            parts.Containers.IsOurs(other.Labels, service.Name, row.Name) && IsRest(other, service.Name))
            await parts.Containers.DiscardAsync(other, ct);
        var id = await parts.Podman.CreateOrAdoptAsync(create, ct);
        parts.Services.SetContainer(service.Name, row.Name, id, checks.MadeOf(row.SpecHash, image.Detail.Id, environment));
        return id;
    }

    // Conmon tells podman that a container ended. Where it was killed, podman has the container running or stopping for ever, and refuses to start it.
    private static bool IsLost(ContainerDetail container) =>
        OwnedContainers.IsActive(container.Status) && !ProcessLife.IsAlive(container.Pid) && !ProcessLife.IsAlive(container.ConmonPid);

    private bool IsRest(ContainerDetail container, string service) =>
        OperationId.TryParse(container.Labels.GetValueOrDefault(OwnLabels.Operation), out var id, out _) && parts.Operations.Find(id) is { } row && row.Service == service;

    /// <summary>The host ports of a deployed service.</summary>
    public PortAssignment PortsOf(RegisteredServiceRow service) => PortsOf(parts, service);

    /// <summary>As above.</summary>
    public static PortAssignment PortsOf(AgentParts parts, RegisteredServiceRow service)
    {
        var known = parts.Routes.Of(service.Name);
        var all = new Dictionary<(string, string), int>();
        foreach (var component in service.Spec.Components)
        {
            foreach (var route in component.Routes)
            {
                if (HostPorts.IsHostNetwork(component) && route.ContainerPort != 0)
                    all[(component.Name, route.Name)] = (int)route.ContainerPort;
                else if (known.TryGetValue((component.Name, route.Name), out var port))
                    all[(component.Name, route.Name)] = port;
            }
        }
        return new PortAssignment(all, new Dictionary<(string, string), int>());
    }

    private async Task StartAsync(string id, string name, CancellationToken ct)
    {
        try
        {
            await parts.Podman.StartContainerAsync(id, ct);
        }
        catch (PodmanException e)
        {
            if (e.EffectUnknown && OwnedContainers.IsRunning(await parts.Podman.InspectContainerAsync(id, ct)))
                return;
            throw e.ToFault($"{name} could not be started");
        }
    }

    /// <summary>An operation id for work that the agent begins by itself.</summary>
    public static OperationId OwnId(TimeProvider clock) =>
        OperationId.Parse($"agent-{OperationId.New(clock)}");
}
