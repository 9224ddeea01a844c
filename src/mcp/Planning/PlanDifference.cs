using Mcp.V1;

namespace Mcp.Planning;

/// <summary>What moved between two plans, in words: which service, and how.</summary>
internal static class PlanDifference
{
    /// <summary>One line for each service that is not as it was; empty when the ids are equal.</summary>
    public static IReadOnlyList<string> Between(Plan then, Plan now)
    {
        var before = then.Entries.ToDictionary(e => e.Service, StringComparer.Ordinal);
        var after = now.Entries.ToDictionary(e => e.Service, StringComparer.Ordinal);
        return
        [
            .. before.Keys.Union(after.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)
                .Select(s => (Service: s, How: How(before.GetValueOrDefault(s), after.GetValueOrDefault(s))))
                .Where(m => m.How.Length > 0)
                .Select(m => $"{m.Service}: {m.How}"),
        ];
    }

    private static string How(PlanEntry? then, PlanEntry? now)
    {
        if (then is null)
            return now!.SpecHash.Length > 0 && now.DeployedHash.Length == 0 ? "a definition was added" : $"it was not in that plan ({now.Action} now)";
        if (now is null)
            return then.DeployedHash.Length == 0 ? "its definition is gone" : "it is no longer deployed, and no longer in the plan";
        var moves = new List<string>();
        if (then.SpecHash != now.SpecHash)
            moves.Add(then.SpecHash.Length == 0 ? "a definition was added" : now.SpecHash.Length == 0 ? "its definition is gone" : "its definition changed");
        if (then.Generation != now.Generation)
            moves.Add(now.Generation == 0 ? "it was undeployed" : $"generation {now.Generation}, then {(then.Generation == 0 ? "none" : then.Generation)}: deployed by {now.DeployedBy} at {now.DeployedAt}");
        else if (then.DeployedHash != now.DeployedHash)
            moves.Add(now.DeployedHash.Length == 0 ? "it was undeployed" : then.DeployedHash.Length == 0 ? "its deploy was begun" : "it was started or stopped");
        if (then.NodeGeneration != now.NodeGeneration)
            moves.Add($"{now.Node} runs generation {Math.Max(now.NodeGeneration, now.Generation)}, then {Math.Max(then.NodeGeneration, then.Generation)}");
        if (then.Epoch != now.Epoch && now.Generation > 0 && then.Generation > 0)
            moves.Add($"its data is in epoch {now.Epoch}, then {then.Epoch}");
        if (then.Node != now.Node && then.Node.Length > 0 && now.Node.Length > 0)
            moves.Add($"{(now.Action == "deploy" ? "it would go to" : "it is on")} {now.Node}, then {then.Node}");
        if (then.State != now.State && then.State.Length > 0 && now.State.Length > 0)
            moves.Add($"{now.State} now, {then.State} then");
        if (then.Refusal is null != now.Refusal is null)
            moves.Add(now.Refusal is null ? "it is no longer refused" : $"it is refused now: {now.Refusal.What}");
        if (moves.Count == 0 && then.Action != now.Action)
            moves.Add($"{now.Action} now, {then.Action} then");
        if (moves.Count == 0 && then.Epoch != now.Epoch)
            moves.Add($"its data is in epoch {now.Epoch}, then {then.Epoch}");
        return string.Join("; ", moves);
    }
}
