using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Migrations;

/// <summary>
/// A migration that failed before its commit, taken back until everything is as it was:
/// 1 that it goes back is committed, so that nobody who carries it on goes forward again;
/// 2 where the target may have made containers: they are removed, and nothing else is done before it has said so, since two copies must not run.
///   Only an operator's word (mcp start --break-hold, mcp node remove --lost) goes past a target that is silent;
/// 3 the source's hold ends and it starts again, if it ran;
/// 4 what the target got is taken back. A target that is silent cannot start it, since no container was made there; the source is then given an epoch
///   above it, so that its leftovers are superseded when it is heard again;
/// 5 the end in the journal, with the reason and what is so now.
/// </summary>
internal sealed class WayBack(MigrationParts parts, MigrationRun migration)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan CallLimit = TimeSpan.FromMinutes(3);

    /// <summary>How long a silent target holds up the end once the source runs again.</summary>
    private static readonly TimeSpan TargetPatience = TimeSpan.FromSeconds(15);

    /// <summary>A source that answers and cannot start its containers is not tried for ever.</summary>
    private const int StartAttempts = 5;

    private MigrationIntent Intent => migration.Intent;

    private string Service => Intent.Spec.Name;

    private Operations.OperationScope Scope => migration.Run.Scope;

    /// <summary>Goes back, and gives what the operation fails with.</summary>
    public async Task<McpException> RunAsync(McpException reason, CancellationToken ending)
    {
        var failed = Scope.Located(reason);
        migration.Run.Unresolved = false;
        var abandoned = migration.IsBroken;
        // 1
        migration.Save(r =>
        {
            (r.Detail.Reason, r.Detail.ReasonCode, r.Detail.Abandoned) = (failed.ToDetail(), (uint)failed.Code, abandoned);
            return r with { State = MigrationState.Back };
        }, connection => migration.Tell(connection, failed.Node ?? "", "migration-failed", "error", $"{failed.Message}{(failed.Cause is null ? "" : $": {failed.Cause}")}; it is put back"));
        Scope.Say($"putting it back: {Printable.Line(failed.Message)}");
        // 2
        var cleared = !migration.Row.Detail.DeployCalled || await Scope.StepAsync("clear target", () => ClearTargetAsync(ending));
        // 3
        var source = migration.Row.Held ? await StartSourceAsync(ending) : "";
        // 4
        var reverted = !migration.Row.Detail.DataCalled || await Scope.StepAsync("take back data", () => RevertAsync(ending));
        if (!cleared || !reverted)
            await OutrankAsync(ending);
        // 5
        return End(failed, source, cleared && reverted);
    }

    private async Task<bool> ClearTargetAsync(CancellationToken ending)
    {
        var said = false;
        for (var attempt = 1; ; attempt++)
        {
            if (parts.IsLost(Intent.Target))
                return false;
            try
            {
                await parts.Links.To(Intent.Target).UndeployServiceAsync(
                    new UndeployServiceRequest { Service = Service, HeldBy = migration.Row.Operation }, Options("clear", attempt, ending));
                return true;
            }
            catch (McpException e) when (e.Code == FaultCode.NotFound)
            {
                return !parts.IsLost(Intent.Target);
            }
            catch (McpException e)
            {
                if (migration.IsBroken)
                {
                    Scope.Say($"{Intent.Target} does not say whether it runs {Service}; going on without it, by the operator's word");
                    return false;
                }
                if (!said)
                    Scope.Say($"{Intent.Target} may run {Service} and does not let it go ({Printable.Line(e.Message)}); the source is not started before. Emergency: mcp start {Service} --break-hold; if {Intent.Target} is lost: mcp node remove {Intent.Target} --lost");
                said = true;
                await Task.Delay(Pause, parts.Clock, ending);
            }
        }
    }

    // Empty: it is as before. Else why not, in words.
    private async Task<string> StartSourceAsync(CancellationToken ending)
    {
        var (said, refused) = (false, 0);
        for (var attempt = 1; ; attempt++)
        {
            if (parts.IsLost(Intent.Source))
                return $"{Intent.Source} is no node any more";
            try
            {
                await Scope.StepAsync("start source", () => CallSourceAsync(attempt, ending));
                migration.Save(r => r with { Held = false });
                return "";
            }
            catch (McpException e)
            {
                if (e.Code is not (FaultCode.Unavailable or FaultCode.DeadlineExceeded) && ++refused >= StartAttempts)
                    return e.Message;
                if (!said)
                    Scope.Say($"{Intent.Source}: {Printable.Line(e.Message)}; trying again");
                said = true;
                await Task.Delay(Pause, parts.Clock, ending);
            }
        }
    }

    private async Task CallSourceAsync(int attempt, CancellationToken ending)
    {
        var agent = parts.Links.To(Intent.Source);
        try
        {
            if (Intent.Plan.Running)
                await agent.StartServiceAsync(new StartServiceRequest { Service = Service, BreakHold = true }, Options("start", attempt, ending));
            else
                await agent.StopServiceAsync(new StopServiceRequest { Service = Service, BreakHold = true }, Options("release", attempt, ending));
        }
        catch (McpException e) when (e.Code == FaultCode.NotFound && !parts.IsLost(Intent.Source))
        {
            // It was taken away there by hand: nothing of ours holds it.
            Scope.Say($"{Intent.Source} has no service {Service} any more");
        }
    }

    private async Task<bool> RevertAsync(CancellationToken ending)
    {
        var started = parts.Clock.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            if (parts.IsLost(Intent.Target))
                return false;
            try
            {
                var (agent, options) = (parts.Links.To(Intent.Target), Options("revert", attempt, ending));
                if (Intent.Plan.Mode == "kept copy")
                    await agent.SetDataAsideAsync(new SetDataAsideRequest { Service = Service, VolumeId = Intent.VolumeId, Epoch = migration.Row.Epoch }, options);
                else
                    await agent.RevertImportAsync(new RevertImportRequest { Service = Service, ImportOperation = migration.Id("import") }, options);
                return true;
            }
            catch (McpException e) when (e.Code == FaultCode.NotFound && !parts.IsLost(Intent.Target))
            {
                return true;
            }
            catch (McpException e) when (parts.Clock.GetElapsedTime(started) > TargetPatience)
            {
                Scope.Say($"{Intent.Target} does not take back what it got ({Printable.Line(e.Message)}); it is superseded instead");
                return false;
            }
            catch (McpException)
            {
                await Task.Delay(Pause, parts.Clock, ending);
            }
        }
    }

    // What lies on the target has a higher epoch than the source's; it must never be taken for the current data.
    private async Task OutrankAsync(CancellationToken ending)
    {
        if (Intent.Plan.Mode == "snapshot" || parts.IsLost(Intent.Source))
            return;
        var epoch = parts.Database.Read(c => DataRecordStore.HighestEpoch(c, Service)) + 1;
        var said = false;
        for (var attempt = 1; ; attempt++)
        {
            if (parts.IsLost(Intent.Source))
                return;
            try
            {
                await Scope.StepAsync("new epoch", () => parts.Links.To(Intent.Source).AcceptDataAsync(
                    new AcceptDataRequest { Service = Service, VolumeId = Intent.VolumeId, Epoch = epoch }, Options("accept", attempt, ending)).ResponseAsync);
                break;
            }
            catch (McpException e)
            {
                if (!said)
                    Scope.Say($"{Intent.Source} runs {Service}, but does not take the new epoch that outranks {Intent.Target}'s copy ({Printable.Line(e.Message)}); trying until it does, or until it is given up: mcp node remove {Intent.Source} --lost");
                said = true;
                await Task.Delay(Pause, parts.Clock, ending);
            }
        }
        migration.Save(r => r, connection =>
        {
            if (DataRecordStore.Current(connection, Service) is not { } record || record.Node != Intent.Source)
                return;
            (record.Epoch, record.Updated) = (epoch, parts.Deployed.Now);
            DataRecordStore.Put(connection, record);
            PlacementStore.SetData(connection, Service, Intent.Source, epoch, record.VolumeId);
        });
    }

    private McpException End(McpException failed, string notStarted, bool clean)
    {
        var runs = Intent.Plan.Mode == "snapshot" ? $"{Service} runs nowhere: {Intent.Source} is dead"
            : notStarted.Length > 0 ? $"{Service} is NOT running: {Intent.Source} could not start it ({Printable.Line(notStarted)}); its data there is whole"
            : Intent.Plan.Running ? $"{Service} runs on {Intent.Source} again, with its data as it was"
            : $"{Service} is stopped on {Intent.Source}, as it was";
        var left = clean ? $"nothing of it is on {Intent.Target}" : $"what {Intent.Target} got is superseded, and it hears so when it comes back";
        var fault = new McpException(failed.Code, $"{Service} did not move to {Intent.Target}: {failed.Message}", failed)
        {
            Node = failed.Node,
            Step = failed.Step,
            Cause = failed.Cause,
            State = $"{runs}; {left}",
            Hint = notStarted.Length > 0 ? $"mcp logs {Service}; then mcp start {Service} --break-hold"
                : failed.Hint is null || failed.Code is FaultCode.Unavailable or FaultCode.Aborted ? $"mcp node list; then mcp migrate {Service} --to {Intent.Target}"
                : failed.Hint,
            Problems = failed.Problems,
        };
        migration.Run.PutBack = notStarted.Length == 0;
        migration.Save(r => r with { State = MigrationState.Undone, Held = false }, connection => Tell(connection, fault));
        return fault;
    }

    private void Tell(SqliteConnection connection, McpException fault)
    {
        migration.Tell(connection, Intent.Source, "migration-put-back", "warning", $"{fault.Message}; {fault.State}");
        migration.Run.Fail(connection, fault);
    }

    // What failed under an id fails under it for ever; each attempt is an operation of its own there, and all of them are repeatable.
    private CallOptions Options(string part, int attempt, CancellationToken ending)
    {
        var id = attempt == 1 ? migration.Id(part) : migration.Id($"{part}-{parts.Clock.GetUtcNow().ToUnixTimeMilliseconds():x}");
        return parts.Links.Options(CallLimit, ending, id, migration.Run.Request.Principal);
    }
}
