using Mcp.Agent.Lifecycle;
using Mcp.Agent.Registry;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Podman;
using Mcp.V1;

namespace Mcp.Agent.Deploying;

/// <summary>
/// One deploy on this node. Killed at any line, it is put back (before 9) or finished (after) by <see cref="OpenOperations"/> at the next
/// start, because every state is durable before its outside effect, and because undoing asks podman what is there, not a memory of what
/// was meant:
///
///   1 accept       row of the operation with old and new spec                            (nothing outside yet)
///   2 validate     everything that can be checked without acting
///   3 images       all local and pinned; VOLUMEs covered
///   4 certificates of L7 routes                                                          (no proxy yet: skipped)
///   5 journal      what will be done with each component, host ports reserved            one transaction
///   6 data         record → folder, marker, missing volume folders
///   7 containers   network; per component: stop the old and rename it, create the new, start it
///   8 health       all of them
///        any failure in 5 to 8: every component goes back, in reverse order
///   9 registry     new generation, containers, ports                                     one transaction: the commit
///  10 routes       at the proxy                                                          (no proxy yet: skipped)
///  11 clean        the old containers are removed; what podman does not remove now is told and left to the next deploy
///
/// A container that is made carries the operation's id as a label, so a create whose answer was lost is found again. An old container is never
/// removed before 9. A component of which nothing changed and which runs is not touched at all.
/// </summary>
internal sealed class Deployment(
    AgentParts parts, DeploymentChecks checks, ImagePreparation images, HealthProbe health, PutBack putBack, OperationEntry entry, DeployOrder order)
{
    private readonly ServiceSpec _spec = order.Spec;

    /// <summary>Runs it to its end, or throws after everything was put back.</summary>
    public async Task<AgentDeployResult> RunAsync(CancellationToken stop)
    {
        var scope = entry.Scope;
        var (current, local) = await LookAsync(stop);
        if (_spec.Components.Any(c => c.Routes.Any(r => r.Mode == "l7")))
            scope.Skip("certificates", "this version has no proxy yet; routes are reachable on their host port only");

        var changes = Plan(current, local);
        var changed = changes.Any(c => c.Action != ChangeAction.Keep) || current.Current?.SpecHash != current.SpecHash || current.Current.DesiredRunning != _spec.Active;
        if (!changed && current.Data is { WriteMarker: false })
            return Result(current, changes, local, current.Current!.Generation, unchanged: true);

        // The same spec from the same images is the same generation, also when a container had to be started or made again.
        var same = current.Current is { } row && row.SpecHash == current.SpecHash && changes.All(c => row.Components.Any(r => r.Name == c.Component && r.Image.ImageId == c.Image.ImageId));
        // A service that moved here goes on counting where it came from, so that its history stays one line.
        var last = Math.Max(parts.Services.LastGeneration(order.Service), current.Current is null ? order.SeenGeneration : 0);
        var generation = same ? current.Current!.Generation : last + 1;
        try
        {
            var madeNetwork = await JournalAsync(current, changes, generation, stop);
            await Step("data", () => PrepareDataAsync(current, local, stop));
            await Step("containers", () => ReplaceAllAsync(current, changes, local, madeNetwork, generation, stop));
            await HealthAsync(changes, current.Ports, stop);
            Commit(current, generation);
        }
        catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
        {
            throw await PutBackAsync(e, stop);
        }
        if (_spec.Components.Any(c => c.Routes.Count > 0))
            scope.Skip("routes", "this version has no proxy yet; routes are reachable on their host port only");
        await CleanAsync(stop);
        return Result(current, parts.Deployments.Find(entry.Id)!.Components, local, generation, unchanged: false);
    }

    // Nothing outside was touched until the journal is written, and whoever reads the refusal should know.
    private async Task<(CheckedDeploy Current, IReadOnlyDictionary<string, PreparedImage> Local)> LookAsync(CancellationToken stop)
    {
        try
        {
            var current = await Step("validate", () => checks.CheckAsync(order, stop));
            return (current, await Step("images", () => PrepareImagesAsync(current, stop)));
        }
        catch (Exception e) when (e is PodmanException or McpException { State: null })
        {
            var fault = entry.Scope.Located(e as McpException ?? ((PodmanException)e).ToFault($"deploy of {_spec.Name}"));
            var state = parts.Services.Find(_spec.Name) is null ? "nothing was changed" : "nothing was changed; what ran before was not touched";
            throw new McpException(fault.Code, fault.Message, e) { Node = fault.Node, Step = fault.Step, Cause = fault.Cause, Hint = fault.Hint, State = state, Problems = fault.Problems };
        }
    }

    // 2, 3 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task<IReadOnlyDictionary<string, PreparedImage>> PrepareImagesAsync(CheckedDeploy current, CancellationToken stop)
    {
        var prepared = new Dictionary<string, PreparedImage>(StringComparer.Ordinal);
        foreach (var component in _spec.Components)
        {
            // What this node pinned comes first; then what the master pinned (a move, a rollback); both only for the very same reference.
            var known = current.Current?.Components.FirstOrDefault(c => c.Name == component.Name)?.Image is { } here && here.Reference == component.Image
                ? here
                : order.Images.FirstOrDefault(i => i.Component == component.Name && i.Reference == component.Image);
            var image = await images.PrepareAsync(component, known, order.Pull && IsWanted(component.Name), entry.Scope, stop);
            ImagePreparation.RequireCovered(_spec, component, image.Detail);
            prepared.Add(component.Name, image);
        }
        return prepared;
    }

    private bool IsWanted(string component) => order.Component.Length == 0 || order.Component == component;

    // 5 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    // Removed components first: a new one may want their ports.
    private List<ComponentChange> Plan(CheckedDeploy current, IReadOnlyDictionary<string, PreparedImage> local)
    {
        var plan = new List<ComponentChange>();
        foreach (var gone in (current.Current?.Components ?? []).Where(r => _spec.Components.All(c => c.Name != r.Name)))
        {
            var container = current.Containers.GetValueOrDefault(gone.Name);
            plan.Add(new ComponentChange(gone.Name, ChangeAction.Remove, gone.ContainerName, container?.Id ?? "", OwnedContainers.IsRunning(container), "", gone.SpecHash, gone.MadeOf, gone.Image));
        }
        foreach (var component in _spec.Components)
        {
            var hash = SpecHash.OfComponent(_spec, component);
            var madeOf = checks.MadeOf(hash, local[component.Name].Detail.Id, current.Environment[component.Name]);
            var container = current.Containers.GetValueOrDefault(component.Name);
            var before = current.Current?.Components.FirstOrDefault(r => r.Name == component.Name);
            var name = ContainerName.Of(_spec.Name, component.Name);
            var action = container is null ? ChangeAction.Create
                : IsWanted(component.Name) && (before!.MadeOf != madeOf || container.Name != name) ? ChangeAction.Replace
                : !IsWanted(component.Name) || OwnedContainers.IsRunning(container) == _spec.Active ? ChangeAction.Keep
                : _spec.Active ? ChangeAction.Start : ChangeAction.Stop;
            plan.Add(new ComponentChange(component.Name, action, name, container?.Id ?? "", OwnedContainers.IsRunning(container), "", hash, madeOf, local[component.Name].Pin));
        }
        return plan;
    }

    // Gives whether the service's own network is yet to be made; the put-back removes it then.
    private async Task<bool> JournalAsync(CheckedDeploy current, List<ComponentChange> changes, ulong generation, CancellationToken stop)
    {
        var own = ContainerTranslator.OwnNetwork(_spec.Name);
        var madeNetwork = UsesOwnNetwork(_spec) && await parts.Podman.InspectNetworkAsync(own, stop) is null;
        parts.Database.Write(connection =>
        {
            DeploymentStore.Begin(connection, entry.Id, generation, current.Current?.Spec, _spec);
            DeploymentStore.Plan(connection, entry.Id, changes, madeNetwork);
            RouteStore.Reserve(connection, entry.Id.Value, _spec.Name, current.Ports.Reserve);
        });
        return madeNetwork;
    }

    // 6 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private Task PrepareDataAsync(CheckedDeploy current, IReadOnlyDictionary<string, PreparedImage> local, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        var data = current.Data;
        if (data.MoveAside && parts.Folders.MoveAside(_spec.Name) is { } aside)
            entry.Scope.Say($"the data that was here lies in {aside} now");
        if (data.WriteMarker)
        {
            // The record first: a folder without a record would be refused at every later start, a record without a folder is removed by the put-back.
            parts.Deployments.MarkMadeData(entry.Id);
            parts.Data.Put(_spec.Name, data.VolumeId, data.Epoch, _spec, entry.Id.Value);
            parts.Folders.Mark(_spec.Name, data.VolumeId, data.Epoch);
        }
        parts.Folders.EnsureVolumes(_spec, component => OwnerOf(component, local[component.Name].Detail));
        return Task.CompletedTask;
    }

    /// <summary>Whom a component's own folders are made for; null: the agent's user. Rootless, ids inside are not ids outside; there he is the container's root.</summary>
    public static (uint, uint)? OwnerOf(ComponentSpec component, ImageDetail image)
    {
        if (!Environment.IsPrivilegedProcess)
            return null;
        var user = (component.User.Length > 0 ? component.User : image.User).Split(':');
        return uint.TryParse(user[0], out var id) && id != 0
            ? (id, user.Length > 1 && uint.TryParse(user[1], out var group) ? group : id)
            : null;
    }

    // 7 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task ReplaceAllAsync(
        CheckedDeploy current, List<ComponentChange> changes, IReadOnlyDictionary<string, PreparedImage> local, bool madeNetwork, ulong generation,
        CancellationToken stop)
    {
        await Task.WhenAll(EnsureNetworksAsync(changes, madeNetwork, stop), new Leftovers(parts, checks).RemoveAsync(_spec.Name, stop));
        foreach (var change in changes)
        {
            if (change.Action != ChangeAction.Keep)
                entry.Scope.Say($"{change.Action.ToString().ToLowerInvariant()} {change.ContainerName}");
            if (change.Retires && change.OldId.Length > 0)
                await RetireAsync(change, current.Current!.Generation, stop);
            if (change.Makes)
                await MakeAsync(current, change, local[change.Component], generation, stop);
            else if (change.Action == ChangeAction.Start)
                await StartAsync(change.OldId, change, stop);
            else if (change.Action == ChangeAction.Stop)
                await parts.Containers.StopAsync(current.Containers[change.Component], stop);
        }
    }

    private async Task EnsureNetworksAsync(List<ComponentChange> changes, bool madeNetwork, CancellationToken stop)
    {
        foreach (var network in _spec.Components.Where(c => changes.Any(x => x.Component == c.Name && (x.Makes || x.Action == ChangeAction.Start)))
            .Select(c => ContainerTranslator.NetworkOf(_spec.Name, c)).OfType<string>().Distinct())
        {
            var own = network == ContainerTranslator.OwnNetwork(_spec.Name);
            var labels = own
                ? new Dictionary<string, string> { [OwnLabels.Service] = _spec.Name, [OwnLabels.Node] = parts.Node }
                : new Dictionary<string, string> { [OwnLabels.Node] = parts.Node };
            var found = own && madeNetwork
                ? await parts.Podman.CreateNetworkAsync(network, labels, stop)
                : await parts.Podman.EnsureNetworkAsync(network, labels, stop);
            if (own && found.Labels.GetValueOrDefault(OwnLabels.Service) != _spec.Name)
            {
                throw new McpException(FaultCode.AlreadyExists, $"a network called {network} exists on {parts.Node} and is not this service's")
                {
                    Hint = $"podman network inspect {network}; rename or remove it by hand",
                };
            }
        }
    }

    private async Task RetireAsync(ComponentChange change, ulong generation, CancellationToken stop)
    {
        if (await parts.Containers.FindAsync(change.OldId, _spec.Name, change.Component, stop) is not { } old)
            return;
        await parts.Containers.StopAsync(old, stop);
        var retired = RetiredName(change.ContainerName, generation);
        if (old.Name != retired)
            await parts.Podman.RenameContainerAsync(old.Id, retired, stop);
    }

    private async Task MakeAsync(CheckedDeploy current, ComponentChange change, PreparedImage image, ulong generation, CancellationToken stop)
    {
        var component = _spec.Components.First(c => c.Name == change.Component);
        // Looked at again: until a moment ago a container of this service could have put a link in the way.
        parts.Folders.EnsureVolumes(_spec, c => null);
        var recipe = new ContainerRecipe
        {
            Service = _spec,
            Component = component,
            Node = parts.Node,
            Generation = generation,
            Operation = entry.Id.Value,
            SpecHash = change.SpecHash,
            Image = image.Detail,
            Ports = current.Ports,
            EnvironmentOfFiles = current.Environment[component.Name],
            DataRoot = parts.Configuration.DataRoot,
        };
        var id = await parts.Podman.CreateOrAdoptAsync(ContainerTranslator.Translate(recipe), stop);
        parts.Deployments.SetNew(entry.Id, component.Name, id);
        if (_spec.Active)
            await StartAsync(id, change, stop);
    }

    private async Task StartAsync(string id, ComponentChange change, CancellationToken stop)
    {
        try
        {
            await parts.Podman.StartContainerAsync(id, stop);
        }
        catch (PodmanException e)
        {
            if (e.EffectUnknown && OwnedContainers.IsRunning(await parts.Podman.InspectContainerAsync(id, stop)))
                return;
            throw HealthProbe.Explain(e.ToFault($"{change.ContainerName} could not be started"), await health.LastLinesAsync(id, stop));
        }
    }

    /// <summary>The name of an old container while a deploy is under way.</summary>
    public static string RetiredName(string containerName, ulong generation) => $"{containerName}.mcp-old-{generation}";

    // 8, 9 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task HealthAsync(List<ComponentChange> changes, PortAssignment ports, CancellationToken stop)
    {
        var started = parts.Deployments.Find(entry.Id)!.Components.Where(c => c.Makes || c.Action == ChangeAction.Start).ToList();
        if (!_spec.Active || started.Count == 0)
        {
            entry.Scope.Skip("health", _spec.Active ? "no container was started" : "the service is to be stopped (active = false)");
            return;
        }
        await Step("health", () => Task.WhenAll(started.Select(c => health.WaitAsync(
            _spec, _spec.Components.First(x => x.Name == c.Component), c.Makes ? c.NewId : c.OldId, ports, entry.Scope, stop))));
    }

    private void Commit(CheckedDeploy current, ulong generation)
    {
        parts.Operations.EnterStep(entry.Id, "registry", entry.Scope.Steps);
        var done = parts.Deployments.Find(entry.Id)!.Components;
        var unchangedGeneration = current.Current is { } before && before.Generation == generation;
        var row = new RegisteredServiceRow(
            _spec.Name, _spec, current.SpecHash, generation, _spec.Active, "", unchangedGeneration ? current.Current!.Operation : entry.Id.Value,
            unchangedGeneration ? current.Current!.Principal : order.Principal, unchangedGeneration ? current.Current!.DeployedAt : parts.Clock.Stamp(),
            [.. done.Where(c => c.Action != ChangeAction.Remove).Select(c =>
                new RegisteredComponentRow(_spec.Name, c.Component, c.ContainerName, c.Makes ? c.NewId : c.OldId, c.SpecHash, c.MadeOf, c.Image))]);
        parts.Database.Write(connection =>
        {
            ServiceStore.Commit(connection, row);
            RouteStore.Settle(connection, _spec);
            DataStore.SetSpec(connection, _spec);
            DeploymentStore.Commit(connection, entry.Id);
        });
        entry.Scope.Add(new StepResult { Step = "registry", Success = true });
    }

    // 11 ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    // The new generation runs and is registered: an old, stopped container that podman does not remove makes it no less true.
    private async Task CleanAsync(CancellationToken stop)
    {
        try
        {
            parts.Operations.EnterStep(entry.Id, "clean", entry.Scope.Steps);
            await putBack.FinishAsync(entry.Id, stop);
            entry.Scope.Add(new StepResult { Step = "clean", Success = true });
        }
        catch (Exception e) when (e is PodmanException or McpException)
        {
            entry.Scope.Warn("clean", Leftovers.Told(e));
        }
    }

    // ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task<McpException> PutBackAsync(Exception failure, CancellationToken stop)
    {
        var fault = entry.Scope.Located(failure as McpException ?? (failure as PodmanException)?.ToFault($"deploy of {_spec.Name}")
            ?? new McpException(FaultCode.Internal, $"deploy of {_spec.Name} failed unexpectedly: {failure.GetType().Name}", failure) { Cause = failure.Message });
        string state;
        try
        {
            state = await entry.Scope.StepAsync("put-back", () => putBack.RunWithPatienceAsync(entry.Id, stop));
            entry.PutBack = true;
        }
        catch (Exception e) when (e is McpException or PodmanException)
        {
            entry.Unresolved = true;
            state = $"not put back yet ({e.Message}); the agent tries again until it is";
        }
        return new McpException(fault.Code, fault.Message, failure) { Node = fault.Node, Step = fault.Step, Cause = fault.Cause, Hint = fault.Hint, State = state, Problems = fault.Problems };
    }

    private AgentDeployResult Result(
        CheckedDeploy current, IReadOnlyList<ComponentChange> changes, IReadOnlyDictionary<string, PreparedImage> local, ulong generation, bool unchanged)
    {
        var result = new AgentDeployResult
        {
            Generation = generation,
            SpecHash = current.SpecHash,
            Unchanged = unchanged,
            Epoch = current.Data.Epoch,
            VolumeId = current.Data.VolumeId,
        };
        result.Components.AddRange(changes.Select(c => new ComponentOutcome
        {
            Component = c.Component,
            Action = Word(c.Action),
            ContainerId = c.Makes ? c.NewId : c.OldId,
            SpecHash = c.SpecHash,
        }));
        result.Images.AddRange(_spec.Components.Select(c => local[c.Name].Pin));
        result.Ports.AddRange(current.Ports.ToMessages(_spec, parts.State.Zone));
        result.Steps.AddRange(entry.Scope.Steps);
        return result;
    }

    private static string Word(ChangeAction action) => action switch
    {
        ChangeAction.Create => "created",
        ChangeAction.Replace => "replaced",
        ChangeAction.Remove => "removed",
        ChangeAction.Start => "started",
        ChangeAction.Stop => "stopped",
        _ => "unchanged",
    };

    private static bool UsesOwnNetwork(ServiceSpec spec) => spec.Components.Any(c => c.Network.Length == 0);

    private async Task<T> Step<T>(string name, Func<Task<T>> body)
    {
        parts.Operations.EnterStep(entry.Id, name, entry.Scope.Steps);
        return await entry.Scope.StepAsync(name, body);
    }

    private Task<object?> Step(string name, Func<Task> body) =>
        Step<object?>(name, async () =>
        {
            await body();
            return null;
        });
}
