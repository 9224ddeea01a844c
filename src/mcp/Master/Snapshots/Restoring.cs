using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Snapshots;

/// <summary>
/// A restore in place. Each step is committed before the next begins, so that a killed master carries on from it at its start:
/// 1 the snapshot is chosen and every byte of it read, before anything is touched; 2 'begun' is committed; 3 the service stops;
/// 4 the attempt is committed, and the archive goes to the node, which swaps it in when all of it is there and right, and sets the data of before aside; 5 'imported';
/// 6 the service starts and is waited for until it is healthy; 7 the end, in one transaction.
/// Whatever fails from 3 on: 'reverting' is committed with the reason, the import is taken back, and the service starts on the data of before.
/// A service that was stopped, or is not deployed, stays so. A node that falls silent is waited for: only it knows what it holds.
/// </summary>
internal sealed class Restoring(
    Database database, OperationRunner runner, OperationJournal journal, OpenOperations open, ServiceLocks locks, RestoreSteps steps, NodeHealthBoard board,
    SnapshotVerification verification, TimeProvider clock)
{
    /// <summary>The kind in the journal; one of <see cref="OpenOperations.CarriedOnKinds"/>.</summary>
    public const string Kind = "restore";

    private static readonly TimeSpan ResumeLockLimit = TimeSpan.FromHours(1);

    /// <summary>Restores, or gives the outcome of the same operation id again.</summary>
    /// <exception cref="McpException">Nothing was done, or it was put back; its state says which.</exception>
    public Task<RestoreSnapshotResponse> RestoreAsync(OperationRequest operation, RestoreSnapshotRequest request, CancellationToken call) =>
        journal.RunAsync(operation, RestoreSnapshotResponse.Parser, earlier => earlier.AlreadyDone = true, (run, stop) => BeginAsync(run, request, stop), call);

    /// <summary>Carries on what nobody is at: an earlier process began it, or its end could not be written. Watchers find each under its id.</summary>
    public void Resume(CancellationToken ending)
    {
        foreach (var row in open.Left(Kind))
        {
            var request = new OperationRequest(OperationId.Parse(row.Id), Kind, row.Service, row.Principal, RestoreSnapshotRequest.Parser.ParseFrom(row.Request));
            _ = runner.RunAsync(request.Id, row.RequestKey, (scope, stop) => CarryOnAsync(new RunningOperation(request, scope, clock), stop), ending)
                .ContinueWith(t => t.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private async Task<RestoreSnapshotResponse> BeginAsync(RunningOperation run, RestoreSnapshotRequest request, CancellationToken stop)
    {
        // 1
        var service = request.ServiceName;
        var (placement, data, all) = database.Read(c => (PlacementStore.Find(c, service), DataRecordStore.Current(c, service), SnapshotStore.All(c, service)));
        var row = SnapshotChoice.Of(all, service, request.Id, request.At);
        if (data is null)
            throw new McpException(FaultCode.FailedPrecondition, $"no node holds data of {service}, so there is nothing to restore in place") { Hint = $"mcp deploy {service} first; or only the files: mcp snapshot restore {service} --to <directory>" };
        if (row.Partial && !request.AcceptPartial)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the snapshot {row.Filename} of {service} is partial: {row.Trailer.Skipped.Count} things are not in it")
            {
                State = "nothing was done",
                Hint = $"mcp snapshot list {service} shows what it lacks; --accept-partial lays it over the data that is there",
            };
        }
        ReachableNode.Require(board, data.Node, $"{service} cannot be restored");
        await steps.RequireReplaceableAsync(service, data.Node, stop);
        await run.Scope.StepAsync("verify", () => verification.RequireWholeAsync(row, all, "restore", done => run.Scope.Progress("", done, row.SizeBytes, "bytes"), stop));
        // 2
        var restore = new RestoreRow { Operation = run.Request.Id.Value, Service = service, Node = data.Node, Filename = row.Filename };
        database.Write(connection =>
        {
            run.Record(connection, request, data.Node);
            RestoreStore.Put(connection, restore);
        });
        try
        {
            return await FinishAsync(run, restore, row, placement, data, stop);
        }
        catch (McpException) when (!run.Ended)
        {
            // Where not even its failure could be written, it stands between stop and start: it is carried on, never left so.
            run.Unresolved = true;
            throw;
        }
    }

    private async Task<RestoreSnapshotResponse> CarryOnAsync(RunningOperation run, CancellationToken stop)
    {
        var (id, service) = (run.Request.Id, run.Request.Service);
        using var held = await locks.AcquireAsync(ServiceName.Parse(service), $"restore {id} of {run.Request.Principal}", ResumeLockLimit, run.Scope.Say, stop);
        var (restore, placement, data) = database.Read(c => (RestoreStore.Find(c, id.Value), PlacementStore.Find(c, service), DataRecordStore.Current(c, service)));
        var row = restore is null ? null : database.Read(c => SnapshotStore.Find(c, service, restore.Filename));
        if (restore is null || data is null)
        {
            var nothing = new McpException(FaultCode.Aborted, $"the master ended before the restore of {service} began; nothing was done") { Hint = $"mcp snapshot restore {service}" };
            database.Write(connection => Failed(connection, run, nothing));
            throw nothing;
        }
        var words = $"the master was cut short in the middle of the restore of {service} ({id}): it is {(restore.State == "reverting" ? "put back" : "carried on")}";
        run.Scope.Say(words);
        database.Write(connection => Tell(connection, run, restore.Node, "restore-resumed", "warning", words));
        if (row is null && restore.State == "begun")
            restore = Reverting(restore, new McpException(FaultCode.NotFound, $"the snapshot {restore.Filename} of {service} is gone"));
        return await FinishAsync(run, restore, row, placement, data, stop);
    }

    // 3 to 7, from wherever it stands
    private async Task<RestoreSnapshotResponse> FinishAsync(
        RunningOperation run, RestoreRow restore, SnapshotRow? row, PlacementRow? placement, DataRecord data, CancellationToken stop)
    {
        var deployed = placement is { Pending: false } && placement.Node == restore.Node;
        var runs = deployed && placement!.Spec.Active;
        var bytes = 0UL;
        if (restore.State != "reverting")
        {
            try
            {
                if (restore.State == "begun")
                {
                    if (deployed)
                        await run.Scope.StepAsync("stop", () => steps.StopAsync(run, restore, "stop", stop));
                    restore = restore with { Attempt = Math.Max(1, restore.Attempt) };
                    database.Write(connection => RestoreStore.Put(connection, restore));
                    var (imported, answer) = await run.Scope.StepAsync("import", () => steps.ImportAsync(run, restore, row!, placement?.Spec ?? data.Spec, data, stop));
                    restore = imported with { State = "imported", Aside = answer.Aside };
                    bytes = answer.BytesWritten;
                    database.Write(connection => RestoreStore.Put(connection, restore));
                }
                if (runs)
                    await run.Scope.StepAsync("start", () => steps.StartAsync(run, restore, "start", stop));
                else
                    run.Scope.Skip("start", deployed ? "the service was stopped before, and stays so" : "the service is not deployed");
                return database.Write(connection => Succeeded(connection, run, restore, data, bytes));
            }
            catch (McpException e) when (!stop.IsCancellationRequested)
            {
                restore = Reverting(database.Read(c => RestoreStore.Find(c, restore.Operation)) ?? restore, run.Scope.Located(e));
            }
        }
        throw await PutBackAsync(run, restore, deployed, runs, stop);
    }

    private async Task<McpException> PutBackAsync(RunningOperation run, RestoreRow restore, bool deployed, bool runs, CancellationToken stop)
    {
        var why = restore.Failure!.ToFault(FaultCode.Aborted);
        try
        {
            // What never stopped is started again below, and what was never imported is not taken back.
            if (deployed && restore.Attempt > 0)
                await run.Scope.StepAsync("stop again", () => steps.StopAsync(run, restore, "back-stop", stop));
            if (restore.Attempt > 0)
                await run.Scope.StepAsync("put back", () => steps.RevertAsync(run, restore, stop));
            if (runs)
                await run.Scope.StepAsync("start again", () => steps.StartAsync(run, restore, "back-start", stop));
        }
        catch (McpException e) when (!stop.IsCancellationRequested)
        {
            var worse = new McpException(FaultCode.Aborted, $"the restore of {restore.Service} failed, and putting it back failed as well: {e.Message}", e)
            {
                Node = restore.Node,
                Step = e.Step,
                Cause = $"{why.Message}{(why.Cause is null ? "" : $": {why.Cause}")}",
                State = "nothing was erased: the data of before is current or lies aside on the node",
                Hint = $"mcp data list {restore.Service} --direct -n {restore.Node}; mcp start {restore.Service}; mcp logs {restore.Service}",
            };
            database.Write(connection => Failed(connection, run, worse));
            return worse;
        }
        var back = new McpException(why.Code, $"the restore of {restore.Service} from {restore.Filename} failed: {why.Message}", why)
        {
            Node = why.Node ?? restore.Node,
            Step = why.Step,
            Cause = why.Cause,
            State = runs ? "it was put back: the data of before is current, and the service runs on it" : "it was put back: the data of before is current",
            Hint = why.Hint ?? $"mcp logs {restore.Service}; another snapshot: mcp snapshot list {restore.Service}",
        };
        run.PutBack = true;
        database.Write(connection => Failed(connection, run, back));
        return back;
    }

    private RestoreRow Reverting(RestoreRow restore, McpException why)
    {
        var row = restore with { State = "reverting", Failure = why.ToDetail() };
        database.Write(connection => RestoreStore.Put(connection, row));
        return row;
    }

    private RestoreSnapshotResponse Succeeded(SqliteConnection connection, RunningOperation run, RestoreRow restore, DataRecord data, ulong bytes)
    {
        if (bytes > 0)
        {
            data.Bytes = bytes;
            data.Updated = Timestamp.Now(clock);
            DataRecordStore.Put(connection, data);
        }
        var response = new RestoreSnapshotResponse { Filename = restore.Filename, Bytes = bytes, Aside = restore.Aside, Node = restore.Node };
        response.Steps.AddRange(run.Scope.Steps);
        Tell(connection, run, restore.Node, "restored", "info",
            $"{restore.Service} was restored from {restore.Filename}{(restore.Aside.Length > 0 ? $"; the data of before lies in {restore.Aside}" : "")}");
        RestoreStore.Remove(connection, restore.Operation);
        run.Succeed(connection, response, run.Scope.Steps);
        return response;
    }

    private void Failed(SqliteConnection connection, RunningOperation run, McpException fault)
    {
        Tell(connection, run, fault.Node ?? "", "restore-failed", "error", fault.State is null ? fault.Message : $"{fault.Message} ({fault.State})");
        RestoreStore.Remove(connection, run.Request.Id.Value);
        run.Fail(connection, run.Scope.Located(fault));
    }

    private void Tell(SqliteConnection connection, RunningOperation run, string node, string kind, string severity, string message) => EventStore.Add(connection, new FleetEvent
    {
        At = Timestamp.Now(clock),
        Node = node,
        Service = run.Request.Service,
        Kind = kind,
        Severity = severity,
        Message = Printable.Line(message),
        Principal = run.Request.Principal,
        Operation = run.Request.Id.Value,
    });
}
