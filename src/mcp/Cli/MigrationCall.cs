using Mcp.Cli.Configuration;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>
/// One request to migrate, from the operator's side: the plan is shown, then asked about, then carried out as an operation that Ctrl-C lets go of;
/// at the end what happened, and the pin of the definition follows.
/// </summary>
/// <param name="context">This run.</param>
/// <param name="request">What is wished.</param>
/// <param name="again">The command that asks for the same.</param>
internal sealed class MigrationCall(CommandContext context, MigrateRequest request, string again)
{
    /// <summary>Longer than moving any data takes; Ctrl-C lets go of it.</summary>
    private static readonly TimeSpan CallLimit = TimeSpan.FromHours(23);

    /// <summary>The master walks the data before it answers.</summary>
    private static readonly TimeSpan PlanLimit = TimeSpan.FromMinutes(12);

    /// <summary>The definition that was named, or null.</summary>
    public string? File { get; init; }

    /// <summary>It is not asked.</summary>
    public bool Yes { get; init; }

    /// <summary>The name that was given instead of typed.</summary>
    public string? Confirm { get; init; }

    /// <summary>The plan as JSON.</summary>
    public bool Json { get; init; }

    /// <summary>Runs it and answers the exit code.</summary>
    public async Task<int> RunAsync(bool dryRun, CancellationToken cancel)
    {
        if (Json && !dryRun)
            throw new McpException(FaultCode.InvalidArgument, "--json prints a plan, so it goes with --dry-run") { Hint = $"{again} --dry-run --json" };
        using var link = await FleetLink.OpenAsync(context, cancel);
        var asked = request.Clone();
        asked.DryRun = true;
        var planned = await link.Master.MigrateAsync(asked, deadline: DateTime.UtcNow + PlanLimit, cancellationToken: cancel);
        var report = new MigrationReport(context);
        report.Plans(planned, link.Fleet, Json);
        var refused = planned.Results.Where(r => !r.Success).ToList();
        if (dryRun)
            return refused.Count > 0 ? ExitCode.Error : planned.Results.Count > 0 ? ExitCode.Changes : ExitCode.Done;
        if (planned.Results.Count == 0)
        {
            context.Reporter.Note("nothing to do");
            return ExitCode.Done;
        }
        if (refused.Count > 0)
            context.Reporter.Warning($"{refused.Count} of {planned.Results.Count} services would be refused; the migration ends at the first of them");
        RequireSkipped(planned);
        Ask(planned, link.Fleet);
        var outcome = await new OperationRun(context, link, request.All ? "migration" : $"migration of {planned.Results[0].Service}", summaryFollows: true, limit: CallLimit)
            .CallAsync(o => link.Master.MigrateAsync(request, o), cancel);
        foreach (var moved in outcome.Results.Where(r => r.Success))
        {
            link.Seen?.Remember([KeyValuePair.Create(moved.Service, moved.Generation)]);
            report.Moved(moved, outcome.AlreadyDone);
            FollowPin(link, moved);
        }
        if (outcome.Results.FirstOrDefault(r => !r.Success) is not { } failed)
            return ExitCode.Done;
        context.Reporter.Error(RpcFault.FromDetail(FaultCode.Aborted, failed.ErrorDetail ?? new ErrorDetail { What = failed.Error }));
        context.Reporter.Error($"{outcome.Results.Count(r => r.Success)} of {planned.Results.Count} services have moved", $"{again}   (it goes on with the rest)");
        return ExitCode.Error;
    }

    private void RequireSkipped(MigrateResponse planned)
    {
        if (request.FromSnapshot)
        {
            if (planned.Results.FirstOrDefault(r => r.Plan?.Snapshot?.Partial == true) is { } partial && !request.AcceptPartial)
                throw new McpException(FaultCode.FailedPrecondition, $"the snapshot of {partial.Service} is partial (see the plan for what it lacks); nothing was done") { Hint = $"mcp snapshot list {partial.Service}; or {again} --accept-partial" };
            return;
        }
        if (request.AcceptSkipped || planned.Results.FirstOrDefault(r => r.Skipped.Count > 0) is not { } left)
            return;
        throw new McpException(FaultCode.FailedPrecondition, $"{left.Skipped.Count} entr{(left.Skipped.Count == 1 ? "y" : "ies")} of {left.Service} would stay behind (see the plan); nothing was done")
        {
            Hint = $"{again} --accept-skipped",
        };
    }

    // What cannot be taken back wants a name; what only interrupts wants a yes.
    private void Ask(MigrateResponse planned, string fleet)
    {
        var first = planned.Results[0];
        if (request.DiscardSince)
            request.Confirm = Confirmation.RequireName(context, $"give up everything that {first.Service} wrote since {first.Plan.GivenUpSince}", first.Service, fleet, Confirm, again);
        else if (request.SourceDead)
            request.Confirm = Confirmation.RequireName(context, $"declare {request.SourceNode} dead and run {first.Service} from a snapshot on {first.Target}; if {request.SourceNode} still runs, two copies run until it is heard", request.SourceNode, fleet, Confirm, again);
        else
            Confirmation.Require(context, request.All ? $"move {planned.Results.Count} services from {request.SourceNode} to {request.TargetNode}?" : $"move {first.Service} from {first.Source} to {first.Target}?", fleet, Yes, again);
    }

    private void FollowPin(FleetLink link, MigrateResult moved)
    {
        if (moved.Pin.Length == 0)
            return;
        var path = File ?? (link.Configuration is null ? null : ServiceFiles.PathOf(link.Configuration, moved.Service));
        if (path is not null && System.IO.File.Exists(path))
        {
            if (NodeKey.SetInFile(path, moved.Pin))
                context.Reporter.Note($"{path}: {NodeKey.Line(moved.Pin)}");
            return;
        }
        context.Screen.Line($"  change its definition, or the next deploy is refused: {NodeKey.Line(moved.Pin)}");
    }
}
