using Google.Protobuf;
using Grpc.Core;
using Mcp.Agent.Adopting;
using Mcp.Agent.Deploying;
using Mcp.Agent.Files;
using Mcp.Agent.Importing;
using Mcp.Agent.Registry;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Agent.Lifecycle;

/// <summary>Who asks, under which id.</summary>
/// <param name="Id">The operation's id.</param>
/// <param name="Principal"><c>kind/name</c> of whoever is behind it.</param>
/// <param name="Direct">Not through the master.</param>
internal sealed record Asker(OperationId Id, string Principal, bool Direct);

/// <summary>Every change that can be asked of this node, each as one journalled operation.</summary>
internal sealed class ServiceOperations(
    AgentParts parts, JournalledOperations journal, ServiceLifecycle lifecycle, DeploymentChecks checks, ImagePreparation images, HealthProbe health, PutBack putBack,
    FileIntake files, Adoption adoption, RowPurge rows, FolderErasing erasing)
{
    private static readonly TimeSpan UndeployPatience = TimeSpan.FromMinutes(2);

    /// <summary>Deploys.</summary>
    public Task<AgentDeployResult> DeployAsync(Asker asker, AgentDeployRequest request, CancellationToken call)
    {
        var order = new DeployOrder
        {
            Spec = SpecBuilder.Complete(request.Spec ?? new ServiceSpec()),
            ClaimedHash = request.SpecHash,
            SeenGeneration = request.SeenGeneration,
            Overwrite = request.Overwrite,
            Pull = request.Pull,
            Component = request.Component,
            Fresh = request.Fresh,
            Epoch = request.Epoch,
            VolumeId = request.VolumeId,
            Images = [.. request.Images],
            Only = request.Only,
            Principal = asker.Principal,
        };
        if (order.Only.Length > 0)
            return RehearseAsync(asker, order, call);
        return RunAsync(asker, "deploy", order.Service, request, AgentDeployResult.Parser,
            (entry, stop) => new Deployment(parts, checks, images, health, putBack, entry, order).RunAsync(stop),
            result => result.AlreadyDone = true,
            result => new NodeEvent(result.Unchanged ? "deploy-unchanged" : "deployed", "info", result.Unchanged ? $"generation {result.Generation} is what runs already" : $"generation {result.Generation} runs"), call);
    }

    /// <summary>Removes the containers of a service; its data stays.</summary>
    public Task<UndeployServiceResponse> UndeployAsync(Asker asker, UndeployServiceRequest request, CancellationToken call) =>
        RunAsync(asker, "undeploy", request.Service, request, UndeployServiceResponse.Parser, (entry, stop) => lifecycle.UndeployAsync(request, entry, stop),
            result => result.AlreadyDone = true, _ => new NodeEvent("undeployed", "info", "its containers are removed; the data stays"), call, UndeployPatience);

    /// <summary>Stops.</summary>
    public Task<LifecycleResponse> StopAsync(Asker asker, StopServiceRequest request, CancellationToken call) =>
        RunAsync(asker, "stop", request.Service, request, LifecycleResponse.Parser, (entry, stop) => lifecycle.StopAsync(request, entry, stop),
            result => result.AlreadyDone = true, _ => new NodeEvent("stopped", "info", $"{request.Service} was stopped") { Component = request.Component }, call);

    /// <summary>Stops a service that another node owns now.</summary>
    public Task StopByAgentAsync(ServiceName service, CancellationToken call) =>
        StopAsync(new Asker(ContainerRevival.OwnId(parts.Clock), Principal.TheMaster.ToString(), Direct: false), new StopServiceRequest { Service = service.Value }, call);

    /// <summary>Starts.</summary>
    public Task<LifecycleResponse> StartAsync(Asker asker, StartServiceRequest request, CancellationToken call) =>
        RunAsync(asker, "start", request.Service, request, LifecycleResponse.Parser, (entry, stop) => lifecycle.StartAsync(request, entry, stop),
            result => result.AlreadyDone = true, _ => new NodeEvent("started", "info", $"{request.Service} was started") { Component = request.Component }, call);

    /// <summary>Stops and starts.</summary>
    public Task<LifecycleResponse> RestartAsync(Asker asker, RestartServiceRequest request, CancellationToken call) =>
        RunAsync(asker, "restart", request.Service, request, LifecycleResponse.Parser, (entry, stop) => lifecycle.RestartAsync(request, entry, stop),
            result => result.AlreadyDone = true, _ => new NodeEvent("restarted", "info", $"{request.Service} was restarted") { Component = request.Component }, call);

    /// <summary>Takes the data that lies in the service's folder as the service's own.</summary>
    public Task<DataRecord> AcceptDataAsync(Asker asker, AcceptDataRequest request, CancellationToken call) =>
        RunAsync(asker, "accept-data", request.Service, request, DataRecord.Parser, (entry, _) => Task.FromResult(Accept(request, entry)),
            _ => { }, result => new NodeEvent("data-accepted", "warning", $"{result.Path} is volume {result.VolumeId} epoch {result.Epoch} now"), call);

    /// <summary>Erases data of a service that is not deployed here.</summary>
    public Task<PurgeDataResponse> PurgeDataAsync(Asker asker, PurgeDataRequest request, CancellationToken call) =>
        RunAsync(asker, "purge-data", request.Service, request, PurgeDataResponse.Parser, (entry, stop) => PurgeAsync(request, entry, stop),
            _ => { }, result => new NodeEvent("data-purged", "warning", $"{result.Bytes} bytes were erased"), call);

    /// <summary>Takes running containers into the registry.</summary>
    public Task<AdoptContainersResponse> AdoptAsync(Asker asker, AdoptContainersRequest request, CancellationToken call) =>
        RunAsync(asker, "adopt", request.Spec?.Name is { Length: > 0 } name ? name : request.Service, request, AdoptContainersResponse.Parser,
            (entry, stop) => adoption.RunAsync(request, entry, stop), result => result.AlreadyDone = true,
            result => result.AlreadyDone ? null : new NodeEvent("adopted", "info", $"generation {result.Result.Generation} by {asker.Principal}; the containers were not touched"), call);

    /// <summary>Forgets what neither runs nor is defined.</summary>
    public Task<PurgeComponentResponse> PurgeRowsAsync(Asker asker, PurgeComponentRequest request, CancellationToken call) => request.DryRun
        ? rows.RunAsync(request, !asker.Direct, call)
        : RunAsync(asker, "purge", request.Service, request, PurgeComponentResponse.Parser, (_, stop) => rows.RunAsync(request, !asker.Direct, stop), _ => { },
            result => result.Purged.Count == 0 ? null : new NodeEvent("purged", "info", $"{string.Join(", ", result.Purged)}: rows only, by {asker.Principal}"), call);

    /// <summary>Takes a file into the service's folder; the rest of <paramref name="stream"/> is read by the first call of an operation's id alone.</summary>
    public Task<FileWritten> PushAsync(Asker asker, FileStart start, IAsyncStreamReader<FileWrite> stream, CancellationToken call) =>
        RunAsync(asker, "push", start.Service, start, FileWritten.Parser, (entry, stop) => files.ReceiveAsync(start, stream, entry, call, stop),
            result => result.AlreadyDone = true, result => new NodeEvent("file-written", "info", $"{result.Path}, {result.Bytes} bytes, by {asker.Principal}"), call);

    // Changes nothing but the local images, so it needs no journal and no lock.
    private Task<AgentDeployResult> RehearseAsync(Asker asker, DeployOrder order, CancellationToken call) => ServiceName.TryParse(order.Service, out _, out var problem)
        ? parts.Runner.RunAsync(asker.Id, $"rehearse {order.Only} {order.Service}", (scope, stop) => new DeployRehearsal(checks, images).RunAsync(order, scope, stop), call)
        : throw new McpException(FaultCode.InvalidArgument, $"the service name '{Printable.Line(order.Service, 80)}' {problem}");

    private DataRecord Accept(AcceptDataRequest request, OperationEntry entry)
    {
        var service = request.Service;
        var folder = parts.Folders.Observe(service);
        if (folder.Content is Ownership.FolderContent.Absent or Ownership.FolderContent.Empty)
        {
            throw new McpException(FaultCode.NotFound, $"there is no data in {folder.Path} to accept")
            {
                Hint = $"put the data there first; or start empty on purpose: mcp deploy {service} --fresh",
            };
        }
        var row = parts.Data.Find(service);
        var epoch = request.Epoch != 0 ? request.Epoch : NextEpoch(row, folder.Marker);
        if (row is not null && epoch < row.Epoch)
            throw new McpException(FaultCode.FailedPrecondition, $"epoch {epoch} is below the {row.Epoch} that this node has seen; an epoch never goes back");
        var volume = request.VolumeId.Length > 0 ? request.VolumeId : row?.VolumeId ?? folder.Marker?.VolumeId ?? Guid.NewGuid().ToString("D");
        // The record first, as in a deploy: a marker without a record is refused at every start, which is the safe half.
        parts.Data.Put(service, volume, epoch, row?.Spec ?? new ServiceSpec { Name = service }, entry.Id.Value);
        parts.Folders.Mark(service, volume, epoch);
        return lifecycle.DataOf(service)!;
    }

    // Taking back a superseded copy is a move of the data: it must outrank the epoch that superseded it.
    private static ulong NextEpoch(DataRow? row, Ownership.OwnerMarker? marker) => row?.State == "superseded"
        ? Math.Max(row.Epoch, row.SupersededEpoch) + 1
        : Math.Max(1, Math.Max(row?.Epoch ?? 0, marker?.Epoch ?? 0));

    private async Task<PurgeDataResponse> PurgeAsync(PurgeDataRequest request, OperationEntry entry, CancellationToken stop)
    {
        var service = request.Service;
        if (request.State is not ("" or "current" or "aside" or "staging"))
            throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(request.State, 40)}' is not a state of data: current, aside, staging");
        if (request.State is "" or "current" && parts.Services.Find(service) is not null)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{service} is deployed on {parts.Node}; its data is not erased under it") { Hint = $"mcp undeploy {service}" };
        }
        var bytes = 0UL;
        if (request.State is "" or "current" && parts.Data.Find(service) is not null)
        {
            // Out of the way first, in one rename: a kill half way leaves a rest that nobody takes for a service's data. Its record goes last.
            if (parts.Folders.MoveAside(service) is { } aside)
                bytes += await erasing.EraseAsync(Ownership.DataFolders.Aside, Path.GetFileName(aside), stop);
            parts.Data.Remove(service);
        }
        if (request.State is "" or "aside")
        {
            var copies = parts.Folders.PlacedIn(Ownership.DataFolders.Aside).Where(f => f.Service == service);
            // The master reaps one copy, whatever else an operator keeps there.
            if (request.VolumeId.Length > 0)
                copies = copies.Where(f => f.Marker is { } m && m.VolumeId == request.VolumeId && m.Epoch == request.Epoch);
            foreach (var aside in copies.ToList())
                bytes += await erasing.EraseAsync(aside.Place, aside.Name, stop);
        }
        if (request.State is "" or "staging")
        {
            // The service's lock is held, so nothing of it is being made.
            foreach (var left in parts.Folders.PlacedIn(Ownership.DataFolders.Staging).Where(f => f.Service == service))
                bytes += await erasing.EraseAsync(left.Place, left.Name, stop);
        }
        entry.Scope.Say($"{bytes} bytes were erased");
        return new PurgeDataResponse { Bytes = bytes };
    }

    /// <summary>Runs a change of a service as one journalled operation; see <see cref="JournalledOperations.RunAsync"/>.</summary>
    /// <exception cref="McpException">InvalidArgument: the service is not one; or the change failed.</exception>
    internal Task<T> RunAsync<T>(
        Asker asker, string kind, string service, IMessage request, MessageParser<T> parser, Func<OperationEntry, CancellationToken, Task<T>> body,
        Action<T> alreadyDone, Func<T, NodeEvent?> happened, CancellationToken call, TimeSpan? patience = null)
        where T : class, IMessage<T>
    {
        if (!ServiceName.TryParse(service, out var name, out var problem))
            throw new McpException(FaultCode.InvalidArgument, $"the service name '{Printable.Line(service, 80)}' {problem}");
        var asked = new OperationRequest(asker.Id, kind, name, asker.Principal, asker.Direct, request) { Patience = patience ?? TimeSpan.FromMinutes(5) };
        return journal.RunAsync(asked, parser, body, alreadyDone, happened, call);
    }
}
