using Mcp.V1;

namespace Mcp.Cli.Output;

/// <summary>A plan for people: what changes, one service after another, then what is not known, then the sums.</summary>
internal sealed class PlanReport(CommandContext context)
{
    /// <summary>Prints it.</summary>
    public void Print(Plan plan, string fleet)
    {
        context.Screen.Line($"plan {plan.Id} for fleet {fleet}");
        var order = plan.Entries.Where(e => e.Action != "none" || e.Remark.Length > 0).OrderBy(Place).ThenBy(e => e.Service, StringComparer.Ordinal).ToList();
        if (order.Count > 0)
            context.Screen.Line();
        var width = order.Select(e => e.Service.Length).DefaultIfEmpty().Max();
        foreach (var entry in order)
            Print(entry, width);
        context.Screen.Line();
        context.Screen.Line(Sums(plan));
    }

    /// <summary>The sums in one line; removals are counted also when there are none.</summary>
    public static string Sums(Plan plan)
    {
        var same = plan.Entries.Count(e => e.Action == "none");
        return $"{Count(plan.Changes, "change")}, of them {Count(plan.Removals, "removal")} ({plan.CoreRemovals} of core services)"
            + (plan.Refused > 0 ? $" and {plan.Refused} refused" : "")
            + $"; {plan.Unknown} unknown; {same} as defined";
    }

    private void Print(PlanEntry entry, int width)
    {
        var where = entry.Node.Length > 0 ? $" on {entry.Node}" : "";
        context.Screen.Line($"  {Mark(entry)} {entry.Action,-8}  {entry.Service.PadRight(width)} {where}: {Why(entry)}");
        foreach (var change in entry.Changes)
            context.Screen.Line($"        {change.Field}: {Shown(change.Old)} → {Shown(change.New)}");
        if (entry.Refusal is { } refusal)
        {
            context.Screen.Line($"        REFUSED: {refusal.What}{(refusal.Cause.Length > 0 ? $" ({refusal.Cause})" : "")}");
            if (refusal.Hint.Length > 0)
                context.Screen.Line($"        next: {refusal.Hint}");
        }
        if (entry.After.Count > 0 && entry.Refusal is null)
            context.Screen.Line($"        after {string.Join(", ", entry.After)}, which gives up a name that it takes");
        if (entry.Unseen.Length > 0)
            context.Screen.Line($"        NOT SEEN: {entry.Unseen}; to go over it: mcp sync --overwrite");
        if (entry.Remark.Length > 0)
            context.Screen.Line($"        note: {entry.Remark}");
    }

    private static string Why(PlanEntry entry) => entry.Action switch
    {
        "unknown" => $"{entry.Why}; nothing is done to it",
        "redeploy" => $"{entry.Why}; {(entry.Interrupts ? "INTERRUPTS it" : "without interruption")}",
        "undeploy" when entry.Core => $"{entry.Why}; a CORE service",
        _ => entry.Why,
    };

    private static string Mark(PlanEntry entry) => entry.Refusal is not null ? "!" : entry.Action switch
    {
        "deploy" => "+",
        "redeploy" => "~",
        "undeploy" => "-",
        "unknown" => "?",
        "none" => "=",
        _ => ">",
    };

    private static int Place(PlanEntry entry) => entry.Action switch
    {
        "deploy" => 0,
        "redeploy" => 1,
        "start" => 2,
        "stop" => 3,
        "undeploy" => 4,
        "unknown" => 5,
        _ => 6,
    };

    private static string Count(uint count, string what) => $"{count} {what}{(count == 1 ? "" : "s")}";

    private static string Shown(string value) => value.Length == 0 ? "(none)" : value;
}
