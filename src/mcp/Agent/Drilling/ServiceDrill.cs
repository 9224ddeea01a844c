using Grpc.Core;
using Mcp.Agent.Deploying;
using Mcp.Agent.Importing;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Confined.V1;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Podman;
using Mcp.V1;

namespace Mcp.Agent.Drilling;

/// <summary>
/// A restore that is proven and thrown away: the archive is taken in as an import would, and the service is started on it, beside the real one and without
/// touching it.
///
///   1 check       the spec's rules, the node's policy, room
///   2 images      by their pinned digests
///   3 receive     into staging/NAME/SERVICE; verified as in an import
///   4 containers  on an internal network of the drill's own, under its names, with nothing published and no routes; their volumes lie in that folder
///                 (a data root for this one service), paths of the host are read-only
///   5 health      as in a deploy
///   6 clean       containers, network, folder; always, and after a kill at the agent's next start (<see cref="DrillSweep"/>, <see cref="StagingSweep"/>)
///
/// The network is internal: the containers reach each other and nothing else, so a service that sends mails or talks to a peer cannot do so twice. Its
/// bridge has an address on the host, and there the agent asks for their health; nobody else can. Without root the bridge lies in a namespace of podman's
/// which the agent is not in: then only an exec probe can be asked, and others count as healthy when they stay up.
/// No lock of the service is held and no row of the journal written: a drill changes nothing that lasts.
/// </summary>
internal sealed class ServiceDrill(
    AgentParts parts, DeploymentChecks checks, ImagePreparation images, HealthProbe health, DrillSweep sweep, FolderErasing erasing)
{
    // Of routes that leave the container's port to us ($PORT).
    private const int FirstPort = 20_000;

    // One after another: each may need a service's whole memory. The end of the one that came last.
    private Task _last = Task.CompletedTask;

    /// <summary>Runs one, or joins it where it runs already.</summary>
    /// <param name="asker">Who asks.</param>
    /// <param name="first">The first message.</param>
    /// <param name="stream">The rest.</param>
    /// <param name="call">The call that sends.</param>
    /// <exception cref="McpException">It could not be tried; that it failed is an answer.</exception>
    public Task<DrillServiceResponse> RunAsync(Asker asker, DrillServiceRequest first, IAsyncStreamReader<DrillServiceRequest> stream, CancellationToken call)
    {
        var spec = SpecBuilder.Complete(first.Spec ?? new ServiceSpec());
        return parts.Runner.RunAsync(asker.Id, $"drill {spec.Name} {SpecHash.OfService(spec)}", async (scope, stop) =>
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(call, stop);
            var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var before = Interlocked.Exchange(ref _last, turn.Task);
            try
            {
                await before.WaitAsync(either.Token);
                var answer = await TryAsync(asker.Id, spec, first, stream, scope, either.Token, stop);
                parts.Events.Add(new NodeEvent(answer.Success ? "drilled" : "drill-failed", answer.Success ? "info" : "error",
                    answer.Success ? $"a restore of {spec.Name} became healthy and was thrown away" : $"a restore of {spec.Name} did not prove itself: {answer.Error}")
                {
                    Service = spec.Name,
                    Principal = asker.Principal,
                    Operation = asker.Id.Value,
                });
                return answer;
            }
            finally
            {
                // Who gave up waiting does not let the next one pass those before him.
                _ = before.ContinueWith(_ => turn.TrySetResult(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
        }, call, response => response.Success ? null : new McpException(FaultCode.Aborted, $"the drill of {spec.Name} failed: {response.Error}").ToDetail());
    }

    private async Task<DrillServiceResponse> TryAsync(
        OperationId id, ServiceSpec spec, DrillServiceRequest first, IAsyncStreamReader<DrillServiceRequest> stream, OperationScope scope, CancellationToken either, CancellationToken stop)
    {
        var name = parts.Folders.NewName("drill");
        McpException? fault = null;
        try
        {
            await DrillAsync(id, name, spec, first, stream, scope, either, stop);
        }
        catch (Exception e) when (e is McpException or PodmanException or IOException or RpcException || (e is OperationCanceledException && !stop.IsCancellationRequested))
        {
            fault = scope.Located(e as McpException ?? (e as PodmanException)?.ToFault($"drill of {spec.Name}")
                ?? new McpException(FaultCode.Aborted, $"the drill of {spec.Name} could not go on", e) { Cause = Text.Printable.Line(e.Message, 300) });
        }
        finally
        {
            await CleanAsync(id, name, scope);
        }
        var response = new DrillServiceResponse { Success = fault is null, Error = fault is null ? "" : fault.Cause is null ? fault.Message : $"{fault.Message}: {fault.Cause}" };
        response.Steps.AddRange(scope.Steps);
        return response;
    }

    private async Task DrillAsync(
        OperationId id, string name, ServiceSpec spec, DrillServiceRequest first, IAsyncStreamReader<DrillServiceRequest> stream, OperationScope scope, CancellationToken either, CancellationToken stop)
    {
        // 1
        var room = await scope.StepAsync("check", () =>
        {
            SpecRules.Require(spec);
            checks.RequirePolicy(spec);
            return Task.FromResult(ImportRoom.Of(parts.Configuration.DataRoot, 0, 0));
        });
        // 2
        var local = await scope.StepAsync("images", () => PrepareImagesAsync(spec, first.Images, scope, either));
        // 3
        var root = parts.Folders.MakePlaced(DataFolders.Staging, name);
        var folder = Path.Combine(root, spec.Name);
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await using (var extraction = await Extraction.BeginAsync(
            new ImportJob { Folder = folder, MostBytes = room.Bytes, MostEntries = room.Entries, Owners = true, KeepRoot = !Environment.IsPrivilegedProcess }, spec.Name, stop))
        {
            var trailer = await scope.StepAsync("receive", () => ArchiveStream.PassAsync(
                Part(first), ArchiveStream.Of(stream, Part), extraction, parts.Configuration.DataRoot, bytes => scope.Progress("receive", bytes, 0, "bytes"), either));
            await scope.StepAsync("verify", () => extraction.EndAsync(trailer, at => scope.Progress(at.Phase, (long)at.Done, (long)at.Total, "bytes"), stop));
        }
        // 4
        var made = await scope.StepAsync("containers", () => StartAllAsync(id, root, spec, local, stop));
        // 5
        await scope.StepAsync("health", () => Task.WhenAll(made.Select(m => health.WaitAsync(spec, m.Asked, m.Id, NoPorts, scope, stop))));
        if (!Environment.IsPrivilegedProcess && spec.Components.Any(c => c.Health is { Type: not "exec" }))
            scope.Warn("health of a rootless node", "what only answers on its network could not be asked: the drill's network lies in podman's own namespace; it stayed up");
    }

    // 2 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task<IReadOnlyDictionary<string, PreparedImage>> PrepareImagesAsync(ServiceSpec spec, IReadOnlyCollection<ComponentImage> pinned, OperationScope scope, CancellationToken ct)
    {
        var prepared = new Dictionary<string, PreparedImage>(StringComparer.Ordinal);
        foreach (var component in spec.Components)
        {
            var known = pinned.FirstOrDefault(i => i.Component == component.Name && i.Reference == component.Image)?.Clone();
            if (known is null)
                scope.Say($"{component.Image} of {component.Name} was not pinned: what the node has, or the registry gives, is used");
            // What a snapshot remembers of an image that never saw a registry is its id.
            else if (known.ImageId.Length == 0 && (ImagePreparation.IsLocalOnly(known.Reference) || await parts.Podman.InspectImageAsync(known.Digest, ct) is not null))
                known.ImageId = known.Digest;
            var image = await images.PrepareAsync(component, known, pull: false, scope, ct);
            ImagePreparation.RequireCovered(spec, component, image.Detail);
            prepared.Add(component.Name, image);
        }
        return prepared;
    }

    // 4 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task<List<(string Id, ComponentSpec Asked)>> StartAllAsync(OperationId id, string root, ServiceSpec spec, IReadOnlyDictionary<string, PreparedImage> local, CancellationToken stop)
    {
        var tag = Guid.NewGuid().ToString("N")[..8];
        var labels = new Dictionary<string, string>(StringComparer.Ordinal) { [DrillNames.Label] = id.Value, [OwnLabels.Node] = parts.Node };
        var network = await parts.Podman.EnsureNetworkAsync(DrillNames.Network(tag), labels, stop, isInternal: true);
        new DataFolders(root, parts.Key, parts.Clock).EnsureVolumes(spec, c => Deployment.OwnerOf(c, local[c.Name].Detail));
        var ports = Ports(spec);
        var made = new List<(string, ComponentSpec)>();
        foreach (var component in spec.Components)
        {
            var translated = ContainerTranslator.Translate(new ContainerRecipe
            {
                Service = spec,
                Component = component,
                Node = parts.Node,
                Generation = 0,
                Operation = id.Value,
                SpecHash = "",
                Image = local[component.Name].Detail,
                Ports = ports,
                EnvironmentOfFiles = EnvFiles.Read(root, spec, component),
                DataRoot = root,
            });
            var recipe = translated with
            {
                Name = DrillNames.Container(tag, component.Name),
                Labels = local[component.Name].Detail.ShadowLabels(labels),
                Network = network.Name,
                // As others of the service know it: by its component's name, and in a shared network by its container's.
                NetworkAliases = [.. new[] { component.Name, ContainerName.Of(spec.Name, component.Name) }.Distinct()],
                Ports = [],
                Restart = "no",
                Binds = [.. translated.Binds.Select(b => b.Relabel ? b : b with { ReadOnly = true })],
            };
            var container = await parts.Podman.CreateContainerAsync(recipe, stop);
            try
            {
                await parts.Podman.StartContainerAsync(container, stop);
            }
            catch (PodmanException e)
            {
                throw HealthProbe.Explain(e.ToFault($"{component.Name} could not be started from the snapshot"), await health.LastLinesAsync(container, stop));
            }
            made.Add((container, AskedOf(component, ports)));
        }
        return made;
    }

    // A container listens where it is told to; on a network of its own no two can meet.
    private static PortAssignment Ports(ServiceSpec spec)
    {
        var all = new Dictionary<(string, string), int>();
        foreach (var (component, route) in spec.Components.SelectMany(c => c.Routes.Select(r => (c, r))))
            all[(component.Name, route.Name)] = FirstPort + all.Count;
        return new PortAssignment(all, new Dictionary<(string, string), int>());
    }

    private static PortAssignment NoPorts { get; } = new(new Dictionary<(string, string), int>(), new Dictionary<(string, string), int>());

    // Asked at its own address: nothing is published.
    private static ComponentSpec AskedOf(ComponentSpec component, PortAssignment ports)
    {
        var asked = component.Clone();
        asked.Network = "";
        asked.Ports.Clear();
        asked.Routes.Clear();
        if (asked.Health is not { Type: not "exec" } wanted)
            return asked;
        if (!Environment.IsPrivilegedProcess)
            asked.Health = null;
        else if (wanted.Port == 0 && component.Routes is [var route, ..])
            wanted.Port = route.ContainerPort != 0 ? route.ContainerPort : (uint)ports.Of(component.Name, route.Name);
        return asked;
    }

    // 6 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    // Not cut short by anything but its own limit: what is left here would be left until the next start.
    private async Task CleanAsync(OperationId id, string name, OperationScope scope)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5), parts.Clock);
        try
        {
            await sweep.RemoveAsync(id.Value, limit.Token);
            await erasing.EraseAsync(DataFolders.Staging, name, limit.Token);
            scope.Add(new StepResult { Step = "clean", Success = true });
        }
        catch (Exception e) when (e is PodmanException or McpException or OperationCanceledException)
        {
            scope.Warn("clean", $"not everything could be removed yet ({e.Message}); the agent's next start does it");
        }
    }

    private static ArchivePart Part(DrillServiceRequest message) => new(message.Data, message.Trailer, message.Waiting, message.Spec is not null || message.Images.Count > 0);
}
