using Mcp.V1;

namespace Mcp.Planning;

/// <summary>
/// In which order the entries of a plan are carried out, as waves: a wave begins when the one before it has ended.
/// Core services first, because others may need them (a registry, a name server); then the rest; removals last, because they are what cannot be had
/// back at once. Only a service that gives a name up goes before the one that takes it.
/// </summary>
internal static class PlanOrder
{
    /// <summary>The waves; entries of one wave do not need each other.</summary>
    public static IReadOnlyList<IReadOnlyList<PlanEntry>> Waves(Plan plan)
    {
        var entries = plan.Entries.Where(e => Planner.IsChange(e) && e.Refusal is null).ToDictionary(e => e.Service, StringComparer.Ordinal);
        var awaited = entries.Values.SelectMany(e => e.After).ToHashSet(StringComparer.Ordinal);
        var ranks = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in entries.Values)
            Rank(entry, entries, awaited, ranks);
        var last = ranks.Values.DefaultIfEmpty().Max() + 1;
        return
        [
            .. entries.Values.GroupBy(e => e.Action == "undeploy" && !awaited.Contains(e.Service) ? last : ranks[e.Service]).OrderBy(g => g.Key)
                .Select(g => g.OrderBy(e => e.Service, StringComparer.Ordinal).ToList()),
        ];
    }

    // The planner has refused every ring, so this ends.
    private static int Rank(PlanEntry entry, Dictionary<string, PlanEntry> entries, HashSet<string> awaited, Dictionary<string, int> ranks)
    {
        if (ranks.TryGetValue(entry.Service, out var known))
            return known;
        var rank = entry.Core || awaited.Contains(entry.Service) ? 0 : 1;
        foreach (var before in entry.After)
        {
            if (entries.TryGetValue(before, out var first))
                rank = Math.Max(rank, Rank(first, entries, awaited, ranks) + 1);
        }
        return ranks[entry.Service] = rank;
    }
}
