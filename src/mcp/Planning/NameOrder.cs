using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Planning;

/// <summary>
/// Names change hands inside a plan only one after another: who takes a name waits for who gives it up. What cannot be is refused: a name whose
/// owner keeps it, one that two definitions ask for, and a ring in which each waits for the next.
/// </summary>
internal static class NameOrder
{
    /// <summary>Fills <c>after</c> and refusals of the entries that deploy.</summary>
    public static void Settle(Plan plan, IReadOnlyDictionary<string, ServiceSpec> desired, FleetFacts facts)
    {
        var entries = plan.Entries.ToDictionary(e => e.Service, StringComparer.Ordinal);
        var wanted = plan.Entries.Where(e => desired.ContainsKey(e.Service)).ToDictionary(e => e.Service, e => NameClaim.Of(desired[e.Service], facts.Zone).ToList(), StringComparer.Ordinal);
        var askers = wanted.Values.SelectMany(c => c).ToLookup(c => c.Name, StringComparer.Ordinal);
        var owners = new Dictionary<string, NameClaim>(StringComparer.Ordinal);
        foreach (var claim in facts.Claims.Concat(facts.Deployed.SelectMany(d => NameClaim.OfContainers(d.Spec))))
            owners.TryAdd(claim.Name, claim);

        foreach (var entry in plan.Entries.Where(e => e.Action is "deploy" or "redeploy" && e.Refusal is null))
        {
            foreach (var claim in wanted[entry.Service])
            {
                var owner = owners.GetValueOrDefault(claim.Name);
                if (owner?.Service == entry.Service)
                    continue;
                var rivals = askers[claim.Name].Where(a => a.Service != entry.Service).ToList();
                if (rivals.Count > 0)
                {
                    entry.Refusal = (rivals.Exists(r => r.Service == owner?.Service) ? DeployRules.Taken(claim, owner!) : Rivals(claim, rivals[0])).ToDetail();
                    break;
                }
                if (owner is null)
                    continue;
                if (!GivesUp(entries.GetValueOrDefault(owner.Service)))
                {
                    entry.Refusal = DeployRules.Taken(claim, owner).ToDetail();
                    break;
                }
                if (!entry.After.Contains(owner.Service))
                    entry.After.Add(owner.Service);
            }
        }
        RefuseWhatWaitsInVain(plan, entries);
    }

    // Nobody asks for it in the plan, so an owner whose entry acts is done with it afterwards.
    private static bool GivesUp(PlanEntry? owner) => owner is { Action: "redeploy" or "undeploy" or "deploy", Refusal: null };

    // Whoever waits for a refused one, or for itself around a ring, never gets its turn.
    private static void RefuseWhatWaitsInVain(Plan plan, Dictionary<string, PlanEntry> entries)
    {
        var waiting = plan.Entries.Where(e => e.After.Count > 0 && e.Refusal is null).ToList();
        while (waiting.RemoveAll(e => e.After.All(a => entries[a].Refusal is null && !waiting.Contains(entries[a]))) > 0)
        {
        }
        foreach (var entry in waiting)
        {
            entry.Refusal = new McpException(FaultCode.FailedPrecondition, $"{entry.Service} wants a name that {string.Join(", ", entry.After)} would have to give up first, and that cannot be")
            {
                Hint = $"give the names up in a first step: leave the routes out of one definition, mcp sync, then write them in and mcp sync again; or mcp undeploy {entry.After[0]}",
            }.ToDetail();
        }
    }

    private static McpException Rivals(NameClaim claim, NameClaim rival) =>
        new(FaultCode.AlreadyExists, $"both {claim.Service} and {rival.Service} ask for {(claim.Route.Length > 0 ? claim.Name : $"the {claim.Name}")} in this plan")
        {
            Hint = claim.Route.Length > 0 ? $"choose another hostname or port for the route {claim.Route} of {claim.Service} or for {rival.Route} of {rival.Service}" : "rename one of the services or components",
        };
}
