using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Master.Snapshots;
using Mcp.Operations;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Migrations;

/// <summary>
/// A migration after its plan, from step 2 on. Killed at any line it is carried on by the next process (<see cref="MigrationResume"/>):
///
///   2 stop      held is committed, then the source is told to stop: what holds is known before it holds     → Stopped
///   3 export    \ one stream through here; that the target may get data is committed before it does
///   4 import    / the target answers when the data is verified and in place, in the new epoch                → Imported
///   5 deploy    that it may have been called is committed first: from then on only the target knows          → Healthy
///   6 commit    placement, data records, epoch, generation and this journal in one transaction               → Committed
///        any failure up to here: <see cref="WayBack"/>, which starts the source again
///   7 routes    the target's, and DNS                                                                        → Routed
///   8 edges     edge routes re-pointed                                                                       → Edged
///   9 clean up  the source's containers go, its data goes aside (<see cref="SourceCleanup"/>)                → Done
///
/// After 6 nothing leads back: a source that is away then is cleaned up when it is heard again.
/// </summary>
internal sealed class MigrationRun(MigrationParts parts, RunningOperation run, MigrationIntent intent, MigrationRow row, CancellationToken broken)
{
    private static readonly TimeSpan AskPause = TimeSpan.FromSeconds(1);

    /// <summary>How long a target that runs the service has to answer healthy again before it is given up.</summary>
    private static readonly TimeSpan HealthPatience = TimeSpan.FromSeconds(30);

    /// <summary>As the journal has it.</summary>
    public MigrationRow Row { get; private set; } = row;

    /// <summary>What was planned.</summary>
    public MigrationIntent Intent => intent;

    /// <summary>The operation.</summary>
    public RunningOperation Run => run;

    /// <summary>The operator wants the source to start, whatever the target does.</summary>
    public bool IsBroken => broken.IsCancellationRequested || Row.Detail.Abandoned;

    private OperationScope Scope => run.Scope;

    private string Service => intent.Spec.Name;

    /// <summary>The id of one of its calls at an agent; the same for every process that carries it on.</summary>
    public string Id(string part) => $"{Row.Operation}-{part}";

    /// <summary>Commits a change of the journal, with whatever belongs to it.</summary>
    public void Save(Func<MigrationRow, MigrationRow> change, Action<SqliteConnection>? also = null)
    {
        var next = change(Row with { Detail = Row.Detail.Clone() });
        next.Detail.Steps.Clear();
        next.Detail.Steps.AddRange(Scope.Steps);
        parts.Database.Write(connection =>
        {
            MigrationStore.Put(connection, next);
            OperationStore.Calling(connection, Row.Operation, intent.Target, Scope.CurrentStep);
            also?.Invoke(connection);
        });
        Row = next;
    }

    /// <summary>Runs it to its end.</summary>
    /// <param name="resumed">An earlier process began it.</param>
    /// <param name="ending">The process ends.</param>
    /// <exception cref="McpException">It failed, and everything is as it was; or what is not.</exception>
    public async Task<MigrateResult> RunAsync(bool resumed, CancellationToken ending)
    {
        if (resumed && await DecideAsync(ending) is { } reason)
            throw await new WayBack(parts, this).RunAsync(reason, ending);
        if (!Row.IsCommitted)
        {
            try
            {
                using var either = CancellationTokenSource.CreateLinkedTokenSource(ending, broken);
                await ToCommitAsync(either.Token);
            }
            catch (Exception e) when (!ending.IsCancellationRequested)
            {
                throw await new WayBack(parts, this).RunAsync(Reason(e), ending);
            }
        }
        return await FinishAsync(ending);
    }

    private async Task ToCommitAsync(CancellationToken stop)
    {
        if (Row.State == MigrationState.Validated)
            await StopAsync(stop);
        if (Row.State == MigrationState.Stopped)
            await CopyAsync(stop);
        if (Row.State == MigrationState.Imported)
            await DeployAsync(stop);
        stop.ThrowIfCancellationRequested();
        await Scope.StepAsync("commit", () =>
        {
            Commit();
            return Task.CompletedTask;
        });
    }

    // 2 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task StopAsync(CancellationToken stop)
    {
        if (!intent.Plan.Deployed || intent.Plan.Mode == "snapshot")
        {
            Scope.Skip("stop", intent.Plan.Deployed ? $"{intent.Source} is dead, by the operator's word" : "nothing of it runs");
            Save(r => With(r with { State = MigrationState.Stopped }, d => d.StoppedAt = Now()));
            return;
        }
        Save(r => With(r with { Held = true }, d => d.StoppedAt = Now()));
        var request = new StopServiceRequest { Service = Service, HeldBy = Row.Operation, Force = intent.Request.ForceStop };
        await Scope.StepAsync("stop", async () =>
        {
            await parts.Agents.ToTheEndAsync(
                run, intent.Source, parts.Configuration.Timeouts.Deploy, o => parts.Links.To(intent.Source).StopServiceAsync(request, o).ResponseAsync,
                LifecycleEnding.Recovered, stop, Id("stop"));
            // A copy of what is still being written would be none.
            var live = await parts.Eyes.LiveAsync(intent.Source, Service, TimeSpan.FromSeconds(10), stop);
            if (live.Containers.FirstOrDefault(c => c.Service == Service && c.State is not ("exited" or "created" or "missing" or "stopped" or "dead")) is { } writer)
                throw new McpException(FaultCode.FailedPrecondition, $"{writer.Name} is {writer.State} on {intent.Source} after its stop; its data is not copied under it") { Node = intent.Source, Hint = $"mcp logs {Service}" };
        });
        Save(r => r with { State = MigrationState.Stopped });
    }

    // 3, 4 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task CopyAsync(CancellationToken stop)
    {
        Save(r => With(r, d => d.DataCalled = true));
        var trailer = intent.Plan.Mode switch
        {
            "kept copy" => await TakeBackAsync(stop),
            "snapshot" => await RestoreAsync(stop),
            _ => await MoveAsync(stop),
        };
        Save(r => With(r with { State = MigrationState.Imported }, d => d.Trailer = trailer));
    }

    private async Task<StreamTrailer> MoveAsync(CancellationToken stop)
    {
        var asked = new ExportServiceDataRequest { ServiceName = Service, Mode = "move", Epoch = intent.SourceEpoch };
        var (source, channel) = parts.Links.ForData(intent.Source);
        using var connection = channel;
        using var export = source.ExportServiceData(asked, parts.Links.Options(null, stop, Id("export"), run.Request.Principal));
        return await parts.Relay.RunAsync(run, export.ResponseStream, intent.Source, intent.Target, First(), Id("import"), intent.Plan.Bytes, Check, stop);
    }

    private async Task<StreamTrailer> RestoreAsync(CancellationToken stop)
    {
        var snapshot = parts.Database.Read(c => SnapshotStore.Find(c, Service, intent.Plan.Snapshot.Filename))
            ?? throw new McpException(FaultCode.NotFound, $"the snapshot {intent.Plan.Snapshot.Filename} of {Service} is not there any more") { Hint = $"mcp snapshot list {Service}" };
        await using var archive = new StoredArchive(parts.Snapshots.PathOf(snapshot), snapshot);
        return await parts.Relay.RunAsync(run, archive, "the snapshot folder", intent.Target, First(), Id("import"), snapshot.Trailer.Bytes, _ => { }, stop);
    }

    private ImportServiceDataRequest First() => new()
    {
        ServiceName = Service,
        Force = intent.Request.Force,
        Epoch = Row.Epoch,
        VolumeId = intent.VolumeId,
        Spec = intent.Spec,
    };

    private void Check(StreamTrailer trailer)
    {
        if (trailer.Changed.Count > 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the data of {Service} changed while it was copied, although the service is stopped: somebody else writes to it")
            {
                Node = intent.Source,
                Cause = string.Join("; ", trailer.Changed.Take(10).Select(c => $"{PrintableBytes.Line(c.Path.Span)}: {c.Rule}")),
                Hint = $"find the writer on {intent.Source} (fuser, lsof), then mcp migrate {Service} --to {intent.Target}",
            };
        }
        var known = intent.Plan.Skipped.Select(s => s.Path).ToHashSet();
        if (MigrationRules.Skipped(Service, [.. trailer.Skipped.Where(s => !known.Contains(s.Path))], intent.Request.AcceptSkipped) is { } left)
            throw left;
    }

    private async Task<StreamTrailer> TakeBackAsync(CancellationToken stop)
    {
        var kept = parts.Database.Read(c => MigrationStore.Find(c, intent.Request.Undo))!;
        var epoch = MigrationIntent.Parser.ParseFrom(parts.Database.Read(c => OperationStore.Find(c, kept.Operation))!.Request).SourceEpoch;
        var request = new TakeBackDataRequest { Service = Service, VolumeId = intent.VolumeId, Epoch = epoch, NewEpoch = Row.Epoch };
        var record = await Scope.StepAsync("take back", () => parts.Agents.ToTheEndAsync(
            run, intent.Target, parts.Configuration.Timeouts.Deploy, o => parts.Links.To(intent.Target).TakeBackDataAsync(request, o).ResponseAsync,
            _ => new DataRecord(), stop, Id("take-back")));
        return new StreamTrailer { Bytes = record.Bytes };
    }

    // 5 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task DeployAsync(CancellationToken stop)
    {
        if (!intent.Plan.Deployed)
        {
            Scope.Skip("deploy", "only data is left of it");
            Save(r => With(r with { State = MigrationState.Healthy }, d => d.RunningAt = Now()));
            return;
        }
        Save(r => With(r, d => d.DeployCalled = true));
        var request = new AgentDeployRequest
        {
            Spec = intent.Spec,
            SpecHash = SpecHash.OfService(intent.Spec),
            SeenGeneration = intent.Generation,
            Epoch = Row.Epoch,
            VolumeId = intent.VolumeId,
            WithoutRoutes = true,
        };
        request.Images.AddRange(intent.Images);
        var result = await Scope.StepAsync("deploy", () => parts.Agents.DeployAsync(run, intent.Target, request, parts.Configuration.Timeouts.Deploy, stop, Id("deploy")));
        if (result.Epoch != Row.Epoch || result.VolumeId != intent.VolumeId)
        {
            throw new McpException(FaultCode.Internal, $"{intent.Target} runs {Service} on volume {result.VolumeId} epoch {result.Epoch}, and not on what it was given: {intent.VolumeId} epoch {Row.Epoch}")
            {
                Node = intent.Target,
                Hint = $"mcp data list {Service} --direct -n {intent.Target}",
            };
        }
        Save(r => With(r with { State = MigrationState.Healthy }, d => (d.Deployed, d.RunningAt) = (result, Now())));
    }

    // 6 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private void Commit() => Save(r => With(r with { State = MigrationState.Committed }, d => d.CommittedAt = parts.Deployed.Now), connection =>
    {
        // As the agent has it by its own word; of a deploy that another process saw, the journal of this one.
        if (Row.Detail.Deployed is { } deployed)
            parts.Deployed.Record(connection, Row.Operation, intent.Spec, intent.Target, run.Request.Principal, deployed, "deployed");
        DataRecordStore.Put(connection, new DataRecord
        {
            Service = Service,
            Node = intent.Target,
            VolumeId = intent.VolumeId,
            Epoch = Row.Epoch,
            State = "current",
            Bytes = Row.Detail.Trailer?.Bytes ?? 0,
            Spec = intent.Spec,
            Updated = parts.Deployed.Now,
        });
        Tell(connection, intent.Target, "migration-committed", "info", $"{Service} is owned by {intent.Target} in epoch {Row.Epoch}; it was {intent.Source}'s");
    });

    // 7, 8, 9 ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task<MigrateResult> FinishAsync(CancellationToken ending)
    {
        if (Row.State == MigrationState.Committed)
        {
            Scope.Skip("routes", "this version has no proxy yet; [dns] provider is \"none\"");
            Save(r => r with { State = MigrationState.Routed });
        }
        if (Row.State == MigrationState.Routed)
        {
            Scope.Skip("edge routes", "this version has no edge proxy yet");
            Save(r => r with { State = MigrationState.Edged });
        }
        var cleaned = await new SourceCleanup(parts).TryAsync(Row, intent, run, ending);
        var result = MigrationOutcome.Of(Row, intent, Scope.Steps);
        if (cleaned)
            result.AsideUntil = SourceCleanup.AsideUntil(parts, intent);
        var response = new MigrateResponse { Results = { result } };
        Save(
            r => cleaned ? SourceCleanup.Over(parts, r, intent) : r,
            connection =>
            {
                if (cleaned)
                    SourceCleanup.Record(connection, Row, intent);
                Tell(connection, intent.Target, "migrated", "info",
                    $"{Service} moved from {intent.Source} to {intent.Target} in epoch {Row.Epoch}; interrupted for {MigrationOutcome.Seconds(result.InterruptionMillis)}{(cleaned ? "" : $"; {intent.Source} is cleaned up when it is heard")}");
                run.Succeed(connection, response, Scope.Steps);
            });
        return result;
    }

    /// <summary>An event of this migration.</summary>
    public void Tell(SqliteConnection connection, string node, string kind, string severity, string message) =>
        EventStore.Add(connection, parts.Deployed.Event(run.Request, node, kind, severity, message));

    // Null: forward.
    private async Task<McpException?> DecideAsync(CancellationToken ending)
    {
        if (Row.State == MigrationState.Back)
            return Row.Detail.Reason.ToFault((FaultCode)Row.Detail.ReasonCode);
        if (Row.IsCommitted)
            return null;
        var interrupted = new McpException(FaultCode.Aborted, $"the master ended while {Service} was on its way from {intent.Source} to {intent.Target} (last step done: {MigrationStore.Word(Row.State)})") { Step = MigrationStore.Word(Row.State) };
        var said = false;
        while (true)
        {
            if (IsBroken || parts.IsLost(intent.Target))
                return interrupted;
            var deploy = Row.Detail.DeployCalled ? await parts.Agents.AskAsync(intent.Target, Id("deploy"), ending) : null;
            var healthy = deploy is AgentOutcome.Succeeded ? await IsHealthyAsync(ending) : null;
            switch (MigrationResume.Decide(Row.State, Row.Detail.DeployCalled, deploy, healthy))
            {
                case ResumeWay.Forward:
                    Scope.Say($"{intent.Target} answers healthy; the migration goes on");
                    return null;
                case ResumeWay.Back:
                    return interrupted;
                default:
                    if (!said)
                        Scope.Say($"whether {Service} runs on {intent.Target} is known to {intent.Target} alone, which does not say; waiting for it (emergency: mcp start {Service} --break-hold)");
                    said = true;
                    await Task.Delay(AskPause, parts.Clock, ending);
                    break;
            }
        }
    }

    private async Task<bool?> IsHealthyAsync(CancellationToken ending)
    {
        if (!intent.Spec.Active)
            return true;
        var since = parts.Clock.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var live = await parts.Eyes.LiveAsync(intent.Target, Service, TimeSpan.FromSeconds(10), ending);
                var containers = live.Containers.Where(c => c.Service == Service).ToList();
                if (intent.Spec.Components.Select(c => ServiceJudgement.Fault(c.Name, containers) ?? Unanswered(c, containers)).FirstOrDefault(f => f is not null) is not { } fault)
                    return true;
                // It was healthy once. One bad answer of a busy machine gives up nothing: going back would take what it has written since.
                if (IsBroken || containers.Count == 0 || containers.Exists(c => c.State != "running") || parts.Clock.GetElapsedTime(since) > HealthPatience)
                    return false;
                if (attempt == 1)
                    Scope.Say($"{fault} on {intent.Target} at this moment; it is asked again for {HealthPatience.TotalSeconds:0} s");
            }
            catch (McpException e)
            {
                return e.Code == FaultCode.NotFound ? false : null;
            }
            await Task.Delay(AskPause, parts.Clock, ending);
        }
    }

    // Elsewhere no answer is no verdict; here one is needed, for it decides.
    private static string? Unanswered(ComponentSpec component, List<ContainerStatus> containers) =>
        component.Health is null || containers.Exists(c => c.Component == component.Name && c.Health == "healthy") ? null : $"{component.Name} does not say how it is";

    private McpException Reason(Exception e) => e switch
    {
        _ when broken.IsCancellationRequested => new McpException(FaultCode.Aborted, $"the hold on {Service} was broken by an operator", e) { Step = Scope.CurrentStep },
        McpException fault => fault,
        _ => new McpException(FaultCode.Internal, $"the migration failed unexpectedly: {e.GetType().Name}", e) { Cause = e.Message },
    };

    private long Now() => parts.Clock.GetUtcNow().ToUnixTimeMilliseconds();

    private static MigrationRow With(MigrationRow row, Action<MigrationDetail> change)
    {
        change(row.Detail);
        return row;
    }
}
