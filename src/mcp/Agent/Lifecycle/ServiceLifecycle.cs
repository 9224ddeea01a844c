using Mcp.Agent.Deploying;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Podman;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Agent.Lifecycle;

/// <summary>
/// Stop, start, restart and undeploy. Each first makes the wish durable and then acts, and each can be run again from its beginning: that is
/// how a killed one is finished.
/// </summary>
internal sealed class ServiceLifecycle(AgentParts parts, ContainerRevival revival, HealthProbe health, PutBack putBack, Leftovers leftovers)
{
    /// <summary>How long a migration's stop waits for a container that was told to end.</summary>
    private static readonly TimeSpan GentleLimit = TimeSpan.FromSeconds(60);

    /// <summary>The wish of a stop.</summary>
    public void WishStopped(StopServiceRequest request)
    {
        var service = Require(request.Service, request.Component);
        if (service.HeldBy.Length > 0 && request.HeldBy.Length > 0 && service.HeldBy != request.HeldBy)
            throw Held(service);
        parts.Database.Write(connection =>
        {
            if (request.Component.Length == 0)
                ServiceStore.SetDesired(connection, service.Name, running: false, request.HeldBy.Length > 0 ? request.HeldBy : request.BreakHold ? "" : service.HeldBy);
            else
                ServiceStore.SetComponentStopped(connection, service.Name, request.Component, stopped: true);
        });
    }

    /// <summary>Stops the containers, last one first. A migration's stop never kills unless it was told to: its copy must be complete.</summary>
    public async Task<LifecycleResponse> StopAsync(StopServiceRequest request, OperationEntry entry, CancellationToken stop)
    {
        WishStopped(request);
        var service = Require(request.Service, request.Component);
        var response = new LifecycleResponse();
        foreach (var component in service.Components.Reverse().Where(c => request.Component.Length == 0 || c.Name == request.Component))
        {
            await entry.Scope.StepAsync($"stop {component.ContainerName}", async () =>
            {
                var container = await parts.Containers.FindAsync(component.ContainerId, service.Name, component.Name, stop);
                var active = container is not null && OwnedContainers.IsActive(container.Status);
                // Also one that does not run at this moment: it may be between two lives.
                if (container is not null && request.HeldBy.Length > 0 && !request.Force)
                    await StopGentlyAsync(container, component.ContainerName, stop);
                else if (container is not null)
                    await parts.Containers.StopAsync(container, stop);
                response.Components.Add(new ComponentOutcome { Component = component.Name, Action = active ? "stopped" : "unchanged", ContainerId = component.ContainerId, SpecHash = component.SpecHash });
            });
        }
        response.Steps.AddRange(entry.Scope.Steps);
        return response;
    }

    /// <summary>Starts the containers, first one first, and waits for their health.</summary>
    public async Task<LifecycleResponse> StartAsync(StartServiceRequest request, OperationEntry entry, CancellationToken stop)
    {
        var service = Require(request.Service, request.Component);
        if (service.HeldBy.Length > 0 && !request.BreakHold)
            throw Held(service);
        revival.RequireData(service.Name);
        parts.Database.Write(connection =>
        {
            ServiceStore.SetDesired(connection, service.Name, running: true, "");
            ServiceStore.SetComponentStopped(connection, service.Name, request.Component, stopped: false);
        });
        return await BringUpAsync(service, request.Component, entry, stop);
    }

    /// <summary>Stops and starts the containers one after another. A service that was stopped on purpose is started by it.</summary>
    public async Task<LifecycleResponse> RestartAsync(RestartServiceRequest request, OperationEntry entry, CancellationToken stop)
    {
        var service = Require(request.Service, request.Component);
        if (service.HeldBy.Length > 0)
            throw Held(service);
        revival.RequireData(service.Name);
        parts.Database.Write(connection =>
        {
            ServiceStore.SetDesired(connection, service.Name, running: true, "");
            ServiceStore.SetComponentStopped(connection, service.Name, request.Component, stopped: false);
        });
        foreach (var component in service.Components.Reverse().Where(c => request.Component.Length == 0 || c.Name == request.Component))
        {
            await entry.Scope.StepAsync($"stop {component.ContainerName}", async () =>
            {
                if (await parts.Containers.FindAsync(component.ContainerId, service.Name, component.Name, stop) is { } container)
                    await parts.Containers.EndLifeAsync(container, stop);
            });
        }
        return await BringUpAsync(service, request.Component, entry, stop);
    }

    /// <summary>Removes containers, network and ports. The data stays, and so does its record: the next deploy finds both.</summary>
    public async Task<UndeployServiceResponse> UndeployAsync(UndeployServiceRequest request, OperationEntry entry, CancellationToken stop)
    {
        if (parts.Services.Find(request.Service) is not { } service)
        {
            // Asked again after it was done under another id: the end state is what was asked for.
            if (parts.Data.Find(request.Service) is null)
                throw new McpException(FaultCode.NotFound, $"{Printable.Line(request.Service, 80)} is not deployed on {parts.Node}") { Hint = "mcp list" };
            return new UndeployServiceResponse { AlreadyDone = true, Data = DataOf(request.Service) };
        }
        // Only the migration that holds it may take it away: it has moved the service.
        if (service.HeldBy.Length > 0 && service.HeldBy != request.HeldBy)
            throw Held(service);
        parts.Database.Write(connection => ServiceStore.SetDesired(connection, service.Name, running: false, service.HeldBy));
        if (service.Spec.Components.Any(c => c.Routes.Count > 0))
            entry.Scope.Skip("routes", "this version has no proxy yet");
        foreach (var component in service.Components.Reverse())
        {
            await entry.Scope.StepAsync($"remove {component.ContainerName}", async () =>
            {
                if (await parts.Containers.FindAsync(component.ContainerId, service.Name, component.Name, stop) is { } container)
                    await parts.Containers.DiscardAsync(container, stop);
            });
        }
        try
        {
            await leftovers.RemoveAsync(service.Name, stop);
        }
        catch (PodmanException e) when (e.Kind == PodmanFailure.Refused)
        {
            entry.Scope.Warn("leftovers", Leftovers.Told(e));
        }
        await entry.Scope.StepAsync("network", () => putBack.RemoveNetworkAsync(service.Name, stop));
        await entry.Scope.StepAsync("registry", () =>
        {
            parts.Database.Write(connection => ServiceStore.Remove(connection, service.Name));
            return Task.CompletedTask;
        });
        var response = new UndeployServiceResponse { Data = DataOf(service.Name) };
        response.Steps.AddRange(entry.Scope.Steps);
        return response;
    }

    /// <summary>The data record of a service as the wire has it, or null.</summary>
    public DataRecord? DataOf(string service) => parts.Data.Find(service) is { } row ? ToMessage(parts, row) : null;

    /// <summary>A data record as the wire has it.</summary>
    public static DataRecord ToMessage(AgentParts parts, DataRow row) => new()
    {
        Service = row.Service,
        Node = parts.Node,
        VolumeId = row.VolumeId,
        Epoch = row.Epoch,
        State = row.State == "superseded" ? "aside" : "current",
        Spec = row.Spec,
        Updated = row.Updated,
        Path = parts.Folders.PathOf(row.Service),
    };

    private async Task<LifecycleResponse> BringUpAsync(RegisteredServiceRow service, string only, OperationEntry entry, CancellationToken stop)
    {
        var response = new LifecycleResponse();
        var started = new List<(RegisteredComponentRow Row, string Id)>();
        foreach (var component in service.Components.Where(c => only.Length == 0 || c.Name == only))
        {
            await entry.Scope.StepAsync($"start {component.ContainerName}", async () =>
            {
                var (action, id) = await revival.EnsureRunningAsync(service, component, entry.Scope, stop);
                response.Components.Add(new ComponentOutcome { Component = component.Name, Action = action, ContainerId = id, SpecHash = component.SpecHash });
                if (action != "unchanged")
                    started.Add((component, id));
                if (action == "started" && revival.StaleEnvironment(service, component) is { } stale)
                    entry.Scope.Warn($"env files of {component.ContainerName}", stale);
            });
        }
        if (started.Count > 0)
        {
            var ports = revival.PortsOf(service);
            await entry.Scope.StepAsync("health", () => Task.WhenAll(started.Select(s =>
                health.WaitAsync(service.Spec, service.Spec.Components.First(c => c.Name == s.Row.Name), s.Id, ports, entry.Scope, stop))));
        }
        response.Steps.AddRange(entry.Scope.Steps);
        return response;
    }

    // Podman's own stop, since a container that ends of a bare SIGTERM is started again by its restart policy. Podman cannot be told never to kill, so
    // its patience is longer than ours; a container that outlives ours stands as "stopping", and only a start ends that.
    private async Task StopGentlyAsync(ContainerDetail container, string name, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(GentleLimit, parts.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        try
        {
            await parts.Containers.StopGentlyAsync(container, either.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // Looked at below.
        }
        catch (PodmanException e) when (e.EffectUnknown)
        {
            // As above.
        }
        if (await parts.Podman.InspectContainerAsync(container.Id, stop) is not { } now || !OwnedContainers.IsActive(now.Status))
            return;
        throw new McpException(FaultCode.DeadlineExceeded, $"{name} did not end within {GentleLimit.TotalSeconds:0} s of SIGTERM")
        {
            Cause = "a copy of its data now could miss what it still holds in memory",
            Hint = "look at its log (mcp logs), or repeat with --force-stop",
        };
    }

    private RegisteredServiceRow Require(string name, string component)
    {
        var service = parts.Services.Find(name) ?? throw new McpException(FaultCode.NotFound, $"{Printable.Line(name, 80)} is not deployed on {parts.Node}") { Hint = "mcp list" };
        return component.Length == 0 || service.Components.Any(c => c.Name == component)
            ? service
            : throw new McpException(FaultCode.NotFound, $"{name} has no component {Printable.Line(component, 80)}") { Hint = $"mcp service show {name}" };
    }

    /// <summary>The refusal of everything but an emergency while a migration moves the data.</summary>
    public static McpException Held(RegisteredServiceRow service) => new(FaultCode.FailedPrecondition, $"{service.Name} is held by the migration {service.HeldBy}")
    {
        Hint = $"mcp watch {service.HeldBy}; in an emergency: mcp start {service.Name} --break-hold",
    };
}
