using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Makes the fleet as the definitions say.</summary>
internal sealed class SyncCommand(CommandContext context)
{
    /// <summary>Longer than any fleet takes; the operation itself has the master's limits, and Ctrl-C lets go of it.</summary>
    private static readonly TimeSpan CallLimit = TimeSpan.FromHours(24);

    /// <summary>Shows the plan, asks, and makes the fleet as the folder of definitions says: new, changed, started, stopped, removed (data stays).</summary>
    /// <param name="services">service...: only these, and no other is removed; by default the whole folder</param>
    /// <param name="dryRun">only the plan, as mcp plan shows it; exits 2 when there is something to do</param>
    /// <param name="plan">carry out exactly this plan, by its id; refused, naming what moved, when it does not hold any more</param>
    /// <param name="yes">-y, do not ask; needed where there is no terminal</param>
    /// <param name="yesRemove">how many services it removes, exactly; needed for any where there is no terminal</param>
    /// <param name="core">core services may be among the removed; needed where there is no terminal</param>
    /// <param name="overwrite">although somebody else deployed since you last looked</param>
    /// <param name="json">with --dry-run: print JSON</param>
    /// <param name="cancel">Ctrl-C lets go of the sync; it runs on.</param>
    [Command("sync")]
    public async Task<int> Sync(
        CancellationToken cancel, bool dryRun = false, string? plan = null, bool yes = false, uint? yesRemove = null, bool core = false, bool overwrite = false, bool json = false,
        [Argument] params string[] services)
    {
        if (json && !dryRun)
            throw new McpException(FaultCode.InvalidArgument, "--json prints a plan, so it goes with --dry-run") { Hint = "mcp sync --dry-run --json" };
        using var link = await FleetLink.OpenAsync(context, cancel);
        // Whoever names a plan has read it, and with it what others deployed: its id stands for exactly that.
        var read = overwrite || plan is not null;
        var call = new PlanCall(context, link, services);
        var shown = await call.MakeAsync(plan ?? "", read, cancel);
        if (json)
            context.Screen.Json(shown.ToDocument(link.Fleet), CliJson.Default.PlanDocument);
        else
            new PlanReport(context).Print(shown, link.Fleet);
        if (dryRun)
            return shown.Changes > 0 ? ExitCode.Changes : ExitCode.Done;
        if (shown.Changes == 0)
        {
            context.Reporter.Note("nothing to do");
            return ExitCode.Done;
        }
        Confirm(shown, link.Fleet, yes, yesRemove, core);

        var request = call.Request;
        request.DryRun = false;
        request.ExpectedPlan = shown.Id;
        request.ConfirmRemovals = shown.Removals;
        request.ConfirmCoreRemovals = shown.CoreRemovals > 0;
        var outcome = await new OperationRun(context, link, "sync", limit: CallLimit).CallAsync(o => link.Master.SyncAsync(request, o), cancel);
        link.Seen?.Remember(outcome.Results.Where(r => r.Success).Select(r => KeyValuePair.Create(r.Service, r.Generation)));
        return Report(outcome);
    }

    /// <summary>Removals want more than a yes: off a terminal their exact number, on one an answer of their own.</summary>
    private void Confirm(Plan plan, string fleet, bool yes, uint? yesRemove, bool core)
    {
        var what = PlanReport.Sums(plan);
        var command = $"mcp sync --plan {plan.Id}{(plan.Removals > 0 ? $" --yes-remove {plan.Removals}" : "")}{(plan.CoreRemovals > 0 ? " --core" : "")}";
        if (yesRemove is { } said && said != plan.Removals)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"not confirmed: --yes-remove {said}, and this plan removes {plan.Removals} (fleet {fleet}); nothing was done")
            {
                Cause = plan.Removals == 0 ? null : Removed(plan),
                Hint = $"{command} --yes",
            };
        }
        var terminal = context.InIsTerminal && context.ErrorIsTerminal;
        if (!terminal && ((plan.Removals > 0 && yesRemove is null) || (plan.CoreRemovals > 0 && !core)))
        {
            throw new McpException(FaultCode.FailedPrecondition, $"not confirmed: this plan removes {plan.Removals} service{(plan.Removals == 1 ? "" : "s")}, {plan.CoreRemovals} of them core (fleet {fleet}); nothing was done")
            {
                Cause = $"there is no terminal to ask on; it removes {Removed(plan)}",
                Hint = $"{command} --yes",
            };
        }
        // On a terminal --yes stands for the changes, never for a removal that was not counted.
        var covered = yes && (plan.Removals == 0 || yesRemove is not null) && (plan.CoreRemovals == 0 || core);
        Confirmation.Require(context, $"carry out this plan ({what})?{(plan.Removals > 0 ? $" It removes {Removed(plan)}; data stays." : "")}", fleet, covered, command);
    }

    private int Report(SyncResponse outcome)
    {
        context.Screen.Line();
        foreach (var r in outcome.Results)
            context.Screen.Line($"  {(r.Success ? "ok  " : "FAIL")}  {r.Action,-8}  {r.Service}{(r.Node.Length > 0 ? $"  on {r.Node}" : "")}{(r is { Success: true, Generation: > 0 } ? $", generation {r.Generation}" : "")}{(r.Success ? "" : $": {r.Error}")}");
        var failed = outcome.Results.Where(r => !r.Success).ToList();
        if (failed.Count == 0)
        {
            context.Screen.Line($"{outcome.Results.Count} of {outcome.Results.Count} done{(outcome.AlreadyDone ? " (this operation was done before)" : "")}");
            return ExitCode.Done;
        }
        foreach (var r in failed.Where(r => r.ErrorDetail is not null))
            context.Reporter.Error(RpcFault.FromDetail(FaultCode.Aborted, r.ErrorDetail));
        context.Reporter.Error($"{failed.Count} of {outcome.Results.Count} services failed: {string.Join(", ", failed.Select(r => r.Service))}", "mcp sync   (it tries these again)");
        return ExitCode.Error;
    }

    private static string Removed(Plan plan) => string.Join(", ", plan.Entries.Where(e => e.Action == "undeploy").Select(e => e.Core ? $"{e.Service} (core)" : e.Service));
}
