using Mcp.Names;
using Mcp.V1;

namespace Mcp.Placement;

/// <summary>
/// Decides where a service runs; arithmetic that can be checked on paper. In this order:
/// 1 a service stays where its data is: the data record decides, and a pin or tier that points elsewhere is refused, never followed;
/// 2 a pin; 3 tier "core": the master's node; 4 the healthy, uncordoned worker with the fewest containers, ties by name. The master's own node is a
/// worker candidate as the policy says. Edge nodes never.
/// </summary>
internal static class Placer
{
    /// <summary>Chooses a node for <paramref name="spec"/>, or says of every node why not.</summary>
    /// <param name="fleet">What is known of the nodes.</param>
    /// <param name="spec">The service.</param>
    /// <param name="data">Where the service's data is, or null when no node ever held it.</param>
    public static PlacementDecision Choose(FleetSnapshot fleet, ServiceSpec spec, DataLocation? data)
    {
        if (data is not null)
            return StayWithData(fleet, spec, data);
        if (spec.Node.Length > 0)
            return Pinned(fleet, spec.Node);
        return spec.Tier == "core" ? OnMaster(fleet) : OnLeastLoadedWorker(fleet);
    }

    /// <summary>Keeps what a confirmed plan said, for a service without data; load may have moved meanwhile, but the operator agreed to this node.</summary>
    public static PlacementDecision Promised(FleetSnapshot fleet, string node)
    {
        var promised = fleet.Find(node);
        var problem = promised is null ? "is not a node of the fleet any more" : Unfit(promised);
        return problem is null
            ? new PlacementDecision(promised!.Name, "as planned", [])
            : Nowhere($"the plan promised {node}, which {problem}", [new Refusal(NodeName.Parse(node), problem)], "mcp sync   (it plans anew)");
    }

    private static PlacementDecision StayWithData(FleetSnapshot fleet, ServiceSpec spec, DataLocation data)
    {
        var holder = data.Node;
        if (spec.Node.Length == 0 && spec.Tier == "worker" && data.Tier == "core")
        {
            return Nowhere(
                $"{spec.Name} was deployed with tier \"core\" and its data is on {holder}; the definition now says tier \"worker\"",
                [new Refusal(holder, "holds the data as a core service")],
                $"move it to a worker first: mcp migrate {spec.Name} --to <worker>; or keep it where it is: node = \"{holder}\"");
        }
        var wanted = spec.Node.Length > 0 ? spec.Node : spec.Tier == "core" ? MasterNode(fleet)?.Name.Value : null;
        if (wanted is not null && wanted != holder.Value)
        {
            return Nowhere(
                $"the data of {spec.Name} is on {holder}, but the definition asks for {wanted}",
                [new Refusal(NodeName.Parse(wanted), $"does not hold the data of {spec.Name}")],
                $"mcp migrate {spec.Name} --to {wanted}");
        }
        var node = fleet.Find(holder.Value);
        var problem = node is null ? "is not a node of the fleet any more" : Unfit(node);
        return problem is null
            ? new PlacementDecision(holder, $"the data of {spec.Name} is on {holder}", [])
            : Nowhere(
                $"the data of {spec.Name} is on {holder}, which {problem}; an empty start elsewhere would lose it",
                [new Refusal(holder, problem)],
                $"bring {holder} back (mcp node list), or start empty on purpose elsewhere: mcp deploy {spec.Name} --fresh");
    }

    private static PlacementDecision Pinned(FleetSnapshot fleet, string pin)
    {
        var node = fleet.Find(pin);
        if (node is null)
        {
            return Nowhere(
                $"the definition pins the service to {pin}, which is not a node of the fleet",
                [.. fleet.Nodes.Select(n => new Refusal(n.Name, "is not the pinned node"))],
                "mcp node list");
        }
        var problem = Unfit(node);
        return problem is null
            ? new PlacementDecision(node.Name, $"pinned to {node.Name}", [])
            : Nowhere($"the definition pins the service to {node.Name}, which {problem}", [new Refusal(node.Name, problem)], "mcp node list");
    }

    private static PlacementDecision OnMaster(FleetSnapshot fleet)
    {
        var master = MasterNode(fleet);
        if (master is null)
        {
            return Nowhere(
                "tier \"core\" needs an agent on the master's node, and none has joined with role master",
                [.. fleet.Nodes.Select(n => new Refusal(n.Name, $"has role {n.Role}, not master"))],
                "mcp node add <name> --role master");
        }
        var problem = Unfit(master);
        return problem is null
            ? new PlacementDecision(master.Name, "tier core", [])
            : Nowhere($"tier \"core\" belongs on {master.Name}, which {problem}", [new Refusal(master.Name, problem)], "mcp node list");
    }

    private static PlacementDecision OnLeastLoadedWorker(FleetSnapshot fleet)
    {
        var refusals = new List<Refusal>();
        var workers = new List<NodeView>();
        NodeView? fallback = null;
        foreach (var node in fleet.Nodes.OrderBy(n => n.Name.Value, StringComparer.Ordinal))
        {
            var problem = Unfit(node) ?? (node.Cordoned ? $"is cordoned (mcp node uncordon {node.Name})" : null);
            if (problem is null && node.Role == "master" && fleet.ScheduleOnMaster == ScheduleOnMaster.Never)
                problem = "is the master's node ([placement] schedule_on_master = \"never\")";
            if (problem is not null)
                refusals.Add(new Refusal(node.Name, problem));
            else if (node.Role == "master" && fleet.ScheduleOnMaster == ScheduleOnMaster.Fallback)
                fallback = node;
            else
                workers.Add(node);
        }
        if (workers.MinBy(n => n.Load) is { } best)
            return new PlacementDecision(best.Name, $"the fewest containers ({best.Load}) of {workers.Count} candidates", refusals);
        if (fallback is not null)
            return new PlacementDecision(fallback.Name, "no healthy worker exists, so the master's node takes it", refusals);
        return Nowhere(
            fleet.Nodes.Count == 0 ? "the fleet has no node yet" : "no node can take the service",
            refusals,
            fleet.Nodes.Count == 0 ? "mcp node add <name> --role worker" : "mcp node list");
    }

    private static string? Unfit(NodeView node) => node switch
    {
        { Role: "edge" } => "is an edge node; edge nodes serve public routes and never run services",
        { Health: NodeHealth.Unhealthy } => "is unhealthy",
        { Health: NodeHealth.Unknown } => "has not been heard since the master started",
        _ => null,
    };

    private static NodeView? MasterNode(FleetSnapshot fleet) => fleet.Nodes.FirstOrDefault(n => n.Role == "master");

    private static PlacementDecision Nowhere(string why, IReadOnlyList<Refusal> refusals, string hint) => new(null, why, refusals, hint);
}
