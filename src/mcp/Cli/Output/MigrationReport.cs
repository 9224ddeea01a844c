using Mcp.Cli.Output.Json;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Cli.Output;

/// <summary>Migrations for people: what is about to happen, what has happened, and what happened before.</summary>
internal sealed class MigrationReport(CommandContext context)
{
    private const int MostShown = 20;

    /// <summary>Prints what a migration is about to do.</summary>
    public void Plans(MigrateResponse planned, string fleet, bool json)
    {
        if (json)
        {
            context.Screen.Json(new MigrationPlansDocument(fleet, [.. planned.Results.Select(ToDocument)]), CliJson.Default.MigrationPlansDocument);
            return;
        }
        foreach (var result in planned.Results)
        {
            if (result.Success)
                Plan(result);
            else
                context.Screen.Line($"{result.Service}: REFUSED: {result.Error}");
        }
        context.Screen.Line();
    }

    /// <summary>Prints what has happened.</summary>
    public void Moved(MigrateResult moved, bool before)
    {
        context.Screen.Line($"{moved.Service} moved from {moved.Source} to {moved.Target}{(before ? " (this operation was done before)" : "")}");
        if (moved.Plan is { Running: true, Mode: not "snapshot" })
            context.Screen.Line($"  interrupted for {Measures.Span(TimeSpan.FromMilliseconds(moved.InterruptionMillis))}");
        if (moved.Bytes > 0)
            context.Screen.Line($"  {Measures.Bytes(moved.Bytes)} of data, epoch {moved.Epoch}{(moved.Generation > 0 ? $", generation {moved.Generation}" : "")}");
        foreach (var step in moved.Steps.Where(s => s.Skipped))
            context.Screen.Line($"  skipped {step.Step}: {step.Error}");
        StepWarnings.Print(context, moved.Steps);
        if (moved.AsideUntil.Length > 0)
        {
            context.Screen.Line($"  the copy on {moved.Source} is kept until {moved.AsideUntil}, and until a verified snapshot of {moved.Target} exists");
            context.Screen.Line($"  back again: mcp migrate undo {moved.Operation}");
        }
    }

    /// <summary>Prints migrations that were.</summary>
    public void List(IReadOnlyList<Operation> found, bool json)
    {
        if (json)
        {
            context.Screen.Json(
                new MigrationsDocument([.. found.Select(o => new MigrationDocument(o.Id, o.Service, o.Node, o.State, o.Step, o.Started, o.Ended, o.Principal, o.Error?.What ?? ""))]),
                CliJson.Default.MigrationsDocument);
            return;
        }
        var listing = new Listing("ID", "SERVICE", "TO", "STATE", "STARTED", "BY", "DETAIL");
        foreach (var o in found)
            listing.Add(o.Id, o.Service, o.Node, Cell.State(o.State), Measures.Ago(o.Started, context.Clock), o.Principal, o.State == "running" ? $"step {o.Step}" : Printable.Line(o.Error?.What, 100));
        context.Screen.Table(listing, "no migrations yet");
    }

    private void Plan(MigrateResult result)
    {
        var plan = result.Plan;
        context.Screen.Line($"{result.Service}: {result.Source} -> {result.Target}");
        if (plan.Mode == "move")
        {
            context.Screen.Line($"  data           {Measures.Bytes(plan.Bytes)} in {Measures.Entries(plan.Entries)}, {(plan.Databases.Count == 1 ? "1 database" : $"{plan.Databases.Count} databases")}");
            context.Screen.Line($"  room           {Measures.Bytes(plan.TargetFreeBytes)} free on {result.Target}");
        }
        else if (plan.Mode == "kept copy")
        {
            context.Screen.Line($"  data           the copy that was kept on {result.Target}");
            context.Screen.Line($"  GIVEN UP       everything written since {plan.GivenUpSince} ({Measures.Ago(plan.GivenUpSince, context.Clock)})");
        }
        else if (plan.Snapshot is { } snapshot)
        {
            context.Screen.Line($"  data           snapshot {snapshot.Filename} of {snapshot.CreatedAt} ({Measures.Ago(snapshot.CreatedAt, context.Clock)}), {Measures.Bytes(snapshot.DataBytes > 0 ? snapshot.DataBytes : snapshot.SizeBytes)}");
            context.Screen.Line($"  LOST           everything written since then");
            context.Screen.Line($"  {result.Source,-14} last heartbeat {(plan.LastHeartbeat.Length > 0 ? $"{plan.LastHeartbeat} ({Measures.Ago(plan.LastHeartbeat, context.Clock)})" : "never")}");
        }
        context.Screen.Line(plan.Running
            ? $"  interruption   yes, about {Measures.Span(TimeSpan.FromMilliseconds(plan.EstimateMillis))}{(plan.Mode == "move" ? $" at {Measures.Bytes(plan.Rate)}/s" : "")}"
            : $"  interruption   none: {(plan.Deployed ? "it is stopped, and stays so" : "only its data is left")}");
        if (plan.Pin.Length > 0)
            context.Screen.Line($"  definition     node = \"{plan.Pin}\" becomes node = \"{result.Target}\"");
        foreach (var remark in plan.Remarks)
            context.Screen.Line($"  note           {remark}");
        if (plan.Skipped.Count == 0)
            return;
        var words = Measures.Entries((ulong)plan.Skipped.Count);
        context.Screen.Line(plan.Mode == "snapshot" ? $"  NOT IN IT      {words}:" : $"  STAYS BEHIND   {words} that no archive takes:");
        foreach (var skipped in plan.Skipped.Take(MostShown))
            context.Screen.Line($"    {PrintableBytes.Line(skipped.Path.Span)}: {skipped.Rule}");
        if (plan.Skipped.Count > MostShown)
            context.Screen.Line($"    and {plan.Skipped.Count - MostShown} more");
    }

    private static MigrationPlanDocument ToDocument(MigrateResult r) => new(
        r.Service, r.Source, r.Target, r.Plan?.Mode ?? "", r.Plan?.Bytes ?? 0, r.Plan?.Entries ?? 0, (uint)(r.Plan?.Databases.Count ?? 0), r.Plan?.TargetFreeBytes ?? 0,
        r.Plan?.EstimateMillis ?? 0, r.Plan?.Running ?? false, r.Plan?.GivenUpSince ?? "", r.Plan?.Snapshot?.Filename ?? "",
        [.. r.Skipped.Select(s => $"{PrintableBytes.Line(s.Path.Span)}: {s.Rule}")], r.Error, r.ErrorDetail?.Hint ?? "");
}
