using Google.Protobuf;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Master.Snapshots;

/// <summary>
/// The calls of a restore to the node. Each has an id of its own and is done once at most; one whose end was lost is asked for until the node says
/// what became of it, however long the node is silent: going on without its word could start two copies, or none.
/// </summary>
internal sealed class RestoreSteps(
    Database database, AgentLinks links, AgentOperations agents, NodeHealthBoard board, SnapshotFolder folder, MasterConfiguration configuration, TimeProvider clock)
{
    // An import of many files ends with a syncfs; the node gives up long before.
    private static readonly TimeSpan EndLimit = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(1);

    // A link that breaks at the same place again and again is not mended by trying.
    private const int MostAttempts = 3;

    // The node reads its whole tree of names for it.
    private static readonly TimeSpan LookLimit = TimeSpan.FromMinutes(5);

    /// <summary>Asks the node, while the service still runs, whether the folder can be replaced at all.</summary>
    /// <exception cref="McpException">It is a mount point, a link or the like, or the node does not answer.</exception>
    public async Task RequireReplaceableAsync(string service, string node, CancellationToken stop)
    {
        string problem;
        try
        {
            problem = (await links.To(node).InspectDataAsync(new InspectDataRequest { Service = service, Mode = "snapshot" }, links.Options(LookLimit, stop))).NotReplaceable;
        }
        catch (McpException e) when (e.Code is FaultCode.NotFound or FaultCode.FailedPrecondition or FaultCode.Unimplemented)
        {
            // Data that is gone or spoilt is what a restore is for; the import has the last word.
            return;
        }
        if (problem.Length > 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the data of {service} on {node} cannot be replaced: {problem}")
            {
                Node = node,
                State = "nothing was done; the service runs on",
                Hint = $"unpack the snapshot elsewhere and copy by hand: mcp snapshot restore {service} --to <folder>",
            };
        }
    }

    /// <summary>Stops the service.</summary>
    /// <exception cref="McpException">It does not stop, or the node refuses.</exception>
    public Task<LifecycleResponse> StopAsync(RunningOperation run, RestoreRow restore, string part, CancellationToken stop) => InsistAsync(
        run, restore, part, "stop", options => links.To(restore.Node).StopServiceAsync(new StopServiceRequest { Service = restore.Service }, options).ResponseAsync, LifecycleEnding.Recovered, stop);

    /// <summary>Starts the service and waits for its health.</summary>
    /// <exception cref="McpException">It does not start, or does not become healthy.</exception>
    public Task<LifecycleResponse> StartAsync(RunningOperation run, RestoreRow restore, string part, CancellationToken stop) => InsistAsync(
        run, restore, part, "start", options => links.To(restore.Node).StartServiceAsync(new StartServiceRequest { Service = restore.Service }, options).ResponseAsync, LifecycleEnding.Recovered, stop);

    /// <summary>Takes the import back; without one nothing is done.</summary>
    /// <exception cref="McpException">The node refuses.</exception>
    public Task<RevertImportResponse> RevertAsync(RunningOperation run, RestoreRow restore, CancellationToken stop) => InsistAsync(
        run, restore, "revert", "put back",
        options => links.To(restore.Node).RevertImportAsync(new RevertImportRequest { Service = restore.Service, ImportOperation = ImportId(run, restore) }, options).ResponseAsync,
        _ => new RevertImportResponse { Reverted = true },
        stop);

    /// <summary>Brings the archive in, or finds that an earlier process did.</summary>
    /// <returns>The row with the attempt that did it, and the node's answer.</returns>
    /// <exception cref="McpException">The node refuses the archive, or the link breaks again and again.</exception>
    public async Task<(RestoreRow Row, ImportServiceDataResponse Answer)> ImportAsync(
        RunningOperation run, RestoreRow restore, SnapshotRow snapshot, ServiceSpec spec, DataRecord data, CancellationToken stop)
    {
        while (true)
        {
            McpException failure;
            try
            {
                return (restore, await SendAsync(run, restore, snapshot, spec, data, stop));
            }
            catch (McpException e)
            {
                failure = e;
            }
            var outcome = await OutcomeAsync(run, restore, ImportId(run, restore), stop);
            // The same call again gives the answer that was lost.
            if (outcome is AgentOutcome.Succeeded)
                continue;
            // Aborted is the node's word for a stream that was cut, as the one of a master that was killed; the archive itself was not refused.
            var cut = AgentOperations.IsLink(failure) || failure.Code == FaultCode.Aborted;
            if (!cut || restore.Attempt >= MostAttempts)
                throw outcome is AgentOutcome.Failed failed && AgentOperations.IsLink(failure) ? failed.Fault : failure;
            run.Scope.Say($"the stream to {restore.Node} broke ({failure.Message}); it begins again");
            restore = restore with { Attempt = restore.Attempt + 1 };
            database.Write(connection => RestoreStore.Put(connection, restore));
            await Task.Delay(AskAgain, clock, stop);
        }
    }

    private async Task<ImportServiceDataResponse> SendAsync(
        RunningOperation run, RestoreRow restore, SnapshotRow snapshot, ServiceSpec spec, DataRecord data, CancellationToken stop)
    {
        var (agent, channel) = links.ForData(restore.Node);
        using var connection = channel;
        await using var watch = new NodeWatch(board, clock, [restore.Node], stop);
        using var call = agent.ImportServiceData(links.Options(null, watch.Token, ImportId(run, restore), run.Request.Principal));
        var start = new ImportServiceDataRequest
        {
            ServiceName = restore.Service,
            Force = true,
            Epoch = data.Epoch,
            VolumeId = data.VolumeId,
            Spec = spec,
            // Laid over a copy of the data that is there, more is written than the archive holds: as much as the disk allows.
            AnnouncedBytes = snapshot.Partial ? 0 : snapshot.Trailer.Bytes,
            AnnouncedEntries = snapshot.Partial ? 0 : snapshot.Trailer.Entries,
            Overlay = snapshot.Partial,
        };
        var sending = new ArchiveSending<ImportServiceDataRequest>(
            call.RequestStream, start, (message, bytes) => message.Data = bytes, trailer => new ImportServiceDataRequest { Trailer = trailer }, () => new ImportServiceDataRequest());
        return await watch.RunAsync(async () =>
        {
            await sending.RunAsync(folder.PathOf(snapshot), snapshot, done => run.Scope.Progress("", done, snapshot.SizeBytes, "bytes"), watch.Token);
            try
            {
                return await call.ResponseAsync.WaitAsync(EndLimit, watch.Token);
            }
            catch (TimeoutException e)
            {
                throw new McpException(FaultCode.DeadlineExceeded, $"{restore.Node} did not end the import within {EndLimit.TotalMinutes:0} minutes", e) { Node = restore.Node };
            }
        });
    }

    private async Task<T> InsistAsync<T>(
        RunningOperation run, RestoreRow restore, string part, string kind, Func<CallOptions, Task<T>> call, Func<AgentOutcome.Succeeded, T> recovered, CancellationToken stop)
        where T : IMessage<T>
    {
        var request = new OperationRequest(OperationId.Parse(PartId.Of(run.Request.Id, part)), kind, restore.Service, run.Request.Principal, new StartServiceRequest { Service = restore.Service });
        while (true)
        {
            var one = new RunningOperation(request, run.Scope, clock);
            try
            {
                return await agents.ToTheEndAsync(one, restore.Node, configuration.Timeouts.Deploy, call, recovered, stop);
            }
            catch (McpException) when (one.Unresolved)
            {
                run.Scope.Say($"{restore.Node} is silent; waiting for it, since only it knows what it holds");
                await Task.Delay(AskAgain, clock, stop);
            }
        }
    }

    private async Task<AgentOutcome> OutcomeAsync(RunningOperation run, RestoreRow restore, string id, CancellationToken stop)
    {
        var said = false;
        while (true)
        {
            var outcome = await agents.AskAsync(restore.Node, id, stop);
            if (outcome is not (AgentOutcome.Running or AgentOutcome.Unknown))
                return outcome;
            if (!said)
                run.Scope.Say(outcome is AgentOutcome.Running ? $"{restore.Node} is still at it; waiting" : $"{restore.Node} is silent; waiting for it, since only it knows what it holds");
            said = true;
            await Task.Delay(AskAgain, clock, stop);
        }
    }

    private static string ImportId(RunningOperation run, RestoreRow restore) =>
        PartId.Of(run.Request.Id, restore.Attempt == 1 ? "import" : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"import{restore.Attempt}"));
}
