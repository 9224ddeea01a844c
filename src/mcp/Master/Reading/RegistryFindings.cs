using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>
/// Agents whose registry lacks what the fleet's record says that they confirmed: an older copy of <c>mcp.db</c> was put in its place, its log was
/// lost, or the service was changed there without the master. Pure.
/// </summary>
internal static class RegistryFindings
{
    /// <summary>One finding for each service that its node knows in an older generation, or not at all.</summary>
    public static IEnumerable<Finding> Of(FindingFacts facts, FindingIndex index)
    {
        foreach (var placement in facts.Placements)
        {
            // What an agent said in an earlier life of this master may be older than the record.
            if (placement.Pending || !facts.Condition(placement.Node).Registered || index.IsOpen(placement.Service))
                continue;
            var reported = index.ReportedBy(placement.Node, placement.Service);
            if (reported is not null && reported.Generation >= placement.Generation)
                continue;
            yield return FindingRules.New("node behind", "error", placement.Node, placement.Service,
                $"the registry of {placement.Node} has {(reported is { Generation: > 0 } ? $"generation {reported.Generation}" : "nothing")} of {placement.Service}, which was deployed there in generation {placement.Generation}: "
                    + "an older mcp.db was put back, or it was changed without the master",
                $"mcp deploy {placement.Service} --overwrite");
        }
    }
}
