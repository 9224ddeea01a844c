using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Planning;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Reconciliation;

/// <summary>
/// A sync: one operation in the journal, whose parts are the operations of its services. Killed at any line it is carried on by the next process:
/// 1 an id that the journal knows gets its outcome again; 2 one sync at a time, a second one waits and is told for which;
/// 3 the plan is made anew and must be the confirmed one; 4 plan and specs are committed: killed before, nothing happened;
/// 5 the parts run, each under an id made of the sync's own (<see cref="SyncRun"/>), so that none is done twice, by whomever;
/// 6 the end: succeeded when every part did, else failed, with the results of all.
/// Parts take the locks of their services one by one: a deploy beside a sync waits for its own service alone.
/// </summary>
internal sealed class Syncing(
    Database database, OperationRunner runner, OpenOperations open, SyncPlanning planning, SyncRun parts, ServiceLocks syncs, TimeSpan lockLimit, TimeProvider clock)
{
    /// <summary>The kind in the journal.</summary>
    public const string Kind = OpenOperations.ContinuedKind;

    /// <summary>
    /// How old the last sign of a killed sync may be for the next process to carry it on. Within it, the operator who confirmed the plan is still
    /// there; after it, a removal that begins by itself would surprise, so what was not begun is left and named.
    /// </summary>
    private static readonly TimeSpan StillMeant = TimeSpan.FromHours(1);

    // Syncs wait for each other and never for a service, so their lock is none of a service's.
    private static readonly ServiceName Whole = ServiceName.Parse("fleet");

    /// <summary>Carries out the plan of a checked request, or gives the outcome of the same operation id again.</summary>
    /// <exception cref="McpException">Nothing was done: the plan moved, was not confirmed, or goes over what its caller has not seen.</exception>
    public Task<SyncResponse> SyncAsync(OperationRequest operation, SyncRequest request, CancellationToken call) =>
        runner.RunAsync(operation.Id, operation.Key, (scope, ending) => RunAsync(operation, request, scope, ending), call, Failure);

    /// <summary>Carries on what nobody is at: an earlier process began it, or its end could not be written. Its watchers find it under its id.</summary>
    public void Resume(CancellationToken ending)
    {
        foreach (var row in open.Left(Kind))
        {
            if (!OperationId.TryParse(row.Id, out var id, out _))
                continue;
            _ = runner.RunAsync(id, row.RequestKey, (scope, stop) => CarryOnAsync(row, scope, stop), ending, Failure)
                .ContinueWith(t => t.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private async Task<SyncResponse> RunAsync(OperationRequest operation, SyncRequest request, OperationScope scope, CancellationToken ending)
    {
        // 1
        if (database.Read(c => OperationStore.Find(c, operation.Id.Value)) is { } earlier)
            return earlier.RequestKey == operation.Key ? await EarlierAsync(earlier, scope, ending) : throw UsedOtherwise(operation.Id, earlier);
        // 2
        using var held = await syncs.AcquireAsync(Whole, $"sync {operation.Id} of {operation.Principal}", lockLimit, scope.Say, ending);
        // 3
        var plan = await scope.StepAsync("plan", () => planning.MakeAsync(request, ending));
        SyncPlanning.RequireConfirmed(request, plan);
        if (plan.Changes == 0)
            return new SyncResponse { Plan = plan };
        // 4
        var intent = new SyncIntent { Plan = plan, Overwrite = request.Overwrite };
        var deploys = plan.Entries.Where(e => e.Action is "deploy" or "redeploy").Select(e => e.Service).ToHashSet(StringComparer.Ordinal);
        intent.Services.AddRange(request.Services.Where(s => deploys.Contains(s.Name)));
        var run = new RunningOperation(operation, scope, clock);
        database.Write(connection =>
        {
            run.Record(connection, intent);
            EventStore.Add(connection, Event(run.Request.Id.Value, run.Request.Principal, "sync-began", "info", $"sync of plan {plan.Id}: {Sums(plan)}"));
        });
        return await FinishAsync(operation.Id, operation.Principal, intent, scope, ending);
    }

    private async Task<SyncResponse> EarlierAsync(OperationRow row, OperationScope scope, CancellationToken ending)
    {
        if (row.IsOpen)
            return await CarryOnAsync(row, scope, ending);
        var response = row.Response is null ? throw row.Error!.ToFault(row.ErrorCode) : SyncResponse.Parser.ParseFrom(row.Response);
        response.AlreadyDone = true;
        return response;
    }

    private async Task<SyncResponse> CarryOnAsync(OperationRow row, OperationScope scope, CancellationToken ending)
    {
        var id = OperationId.Parse(row.Id);
        using var held = await syncs.AcquireAsync(Whole, $"sync {row.Id} of {row.Principal}", lockLimit, scope.Say, ending);
        var intent = SyncIntent.Parser.ParseFrom(row.Request);
        var begun = database.Read(c => SyncRun.Parts(id, intent.Plan).Select(p => OperationStore.Find(c, p.Id.Value)).OfType<OperationRow>().ToList());
        var lastSign = begun.Select(b => b.Ended ?? b.Started).Append(row.Started).Select(Timestamp.Read).Max() ?? DateTimeOffset.MinValue;
        var late = clock.GetUtcNow() - lastSign > StillMeant;
        var words = late
            ? $"the master was away for too long to carry on sync {row.Id} of {row.Principal}: what was not begun by {Timestamp.Format(lastSign)} is left as it is"
            : $"the master was cut short in the middle of sync {row.Id} of {row.Principal}: {begun.Count(b => !b.IsOpen)} of {SyncRun.Parts(id, intent.Plan).Count} services were done, it goes on";
        scope.Say(words);
        database.Write(connection => EventStore.Add(connection, Event(row.Id, row.Principal, "sync-resumed", "warning", words)));
        return await FinishAsync(id, row.Principal, intent, scope, ending, late ? begun.Select(b => b.Id).ToHashSet(StringComparer.Ordinal) : null);
    }

    // 5, 6
    private async Task<SyncResponse> FinishAsync(
        OperationId id, string principal, SyncIntent intent, OperationScope scope, CancellationToken ending, IReadOnlySet<string>? onlyBegun = null)
    {
        var response = new SyncResponse { Plan = intent.Plan };
        response.Results.AddRange(await parts.RunAsync(id, principal, intent, scope, onlyBegun, ending));
        var fault = Fault(response);
        database.Write(connection =>
        {
            var at = Timestamp.Now(clock);
            if (fault is null)
                OperationStore.Succeed(connection, id.Value, response, scope.Steps, at);
            else
                OperationStore.Fail(connection, id.Value, fault, putBack: false, scope.Steps, at, response);
            EventStore.Add(connection, Event(
                id.Value, principal, fault is null ? "synced" : "sync-failed", fault is null ? "info" : "error", fault is null ? $"sync of plan {intent.Plan.Id} is done: {Sums(intent.Plan)}" : $"{fault.Message} ({fault.Cause})"));
        });
        return response;
    }

    /// <summary>What a sync with failed parts says to whoever watches; null when none failed.</summary>
    public static McpException? Fault(SyncResponse response)
    {
        var failed = response.Results.Where(r => !r.Success).ToList();
        return failed.Count == 0 ? null : new McpException(FaultCode.Aborted, $"{failed.Count} of {response.Results.Count} services failed: {string.Join(", ", failed.Select(r => r.Service))}")
        {
            Cause = string.Join("; ", failed.Select(r => $"{r.Service}: {r.Error}")),
            State = failed.Count == response.Results.Count ? null : "the others are as the plan said",
            Hint = "mcp plan; then mcp sync, which tries these again",
        };
    }

    private static ErrorDetail? Failure(SyncResponse response) => Fault(response)?.ToDetail();

    private FleetEvent Event(string operation, string principal, string kind, string severity, string message) => new()
    {
        At = Timestamp.Now(clock),
        Kind = kind,
        Severity = severity,
        Message = Printable.Line(message),
        Principal = principal,
        Operation = operation,
    };

    private static string Sums(Plan plan) => string.Join(", ", plan.Entries.Where(Planner.IsChange).CountBy(e => e.Action).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Value} {g.Key}"));

    private static McpException UsedOtherwise(OperationId id, OperationRow row) =>
        new(FaultCode.InvalidArgument, $"the operation id {id} was used for another request ({row.Kind} {row.Service})") { Hint = "leave the id out, or choose a new one, for a new change" };
}
