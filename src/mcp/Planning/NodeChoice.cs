using Mcp.Errors;
using Mcp.Names;
using Mcp.Placement;
using Mcp.V1;

namespace Mcp.Planning;

/// <summary>Where each entry acts, and whether it may: the same rules as a deploy's, over a fleet that fills up as the plan goes on.</summary>
internal sealed class NodeChoice(FleetFacts facts)
{
    private readonly Dictionary<string, int> _more = new(StringComparer.Ordinal);

    /// <summary>Fills node, why and refusal of every entry that acts.</summary>
    public void Choose(Plan plan, IReadOnlyDictionary<string, ServiceSpec> desired, IReadOnlyDictionary<string, DeployedService> deployed)
    {
        foreach (var entry in plan.Entries)
        {
            var is_ = deployed.GetValueOrDefault(entry.Service);
            if (entry.Action is "deploy" or "redeploy")
                Deploy(entry, desired[entry.Service], is_);
            else if (entry.Action is "start" or "stop" or "undeploy" && facts.Fleet.Find(entry.Node) is { Health: NodeHealth.Unhealthy })
                entry.Refusal = Unfit(entry).ToDetail();
        }
    }

    private void Deploy(PlanEntry entry, ServiceSpec spec, DeployedService? is_)
    {
        var data = facts.Data.GetValueOrDefault(spec.Name);
        if (is_ is { Pending: false } && DeployRules.Data(spec.Name, is_.Node, is_.Epoch, data) is { } split)
        {
            entry.Refusal = split.ToDetail();
            return;
        }
        var location = is_ is not null ? new DataLocation(NodeName.Parse(is_.Node), is_.Spec.Tier)
            : data is not null ? new DataLocation(NodeName.Parse(data.Node), data.Tier.Length > 0 ? data.Tier : spec.Tier)
            : null;
        var decision = Placer.Choose(Now(), spec, location);
        if (decision.Node is not { } node)
        {
            entry.Refusal = DeployRules.Nowhere(spec.Name, decision).ToDetail();
            return;
        }
        entry.Node = node.Value;
        if (DeployRules.Hostnames(spec, facts.Zone, facts.AllowedDomains) is { } refused)
            entry.Refusal = refused.ToDetail();
        if (is_ is not null)
            return;
        if (location is null)
            entry.Why += $": {decision.Why}";
        _more[node.Value] = _more.GetValueOrDefault(node.Value) + spec.Components.Count;
    }

    private FleetSnapshot Now() => _more.Count == 0
        ? facts.Fleet
        : facts.Fleet with { Nodes = [.. facts.Fleet.Nodes.Select(n => _more.TryGetValue(n.Name.Value, out var more) ? n with { PlacedContainers = n.PlacedContainers + more } : n)] };

    private static McpException Unfit(PlanEntry entry) => new(FaultCode.FailedPrecondition, $"{entry.Action} of {entry.Service}: {entry.Node} is unhealthy")
    {
        Node = entry.Node,
        Hint = $"bring {entry.Node} back (mcp node list)",
    };
}
