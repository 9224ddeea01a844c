using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Placement;
using Mcp.Planning;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>What a deploy is about to do, after everything that can be checked without acting was checked.</summary>
/// <param name="Node">Where.</param>
/// <param name="Why">The rule that chose the node.</param>
/// <param name="Epoch">Of the data.</param>
/// <param name="VolumeId">Of the data.</param>
/// <param name="Current">What runs now, or null.</param>
/// <param name="Images">Pinned digests that still fit.</param>
/// <param name="SpecHash">Of the wanted spec.</param>
internal sealed record DeployPlan(
    string Node, string Why, ulong Epoch, string VolumeId, PlacementRow? Current, IReadOnlyList<ComponentImage> Images, string SpecHash);

/// <summary>
/// Plans a deploy inside the transaction that also commits it: two deploys at once cannot take one name, and each sees the containers that the
/// other has just placed, so ten in a row spread.
/// </summary>
internal sealed class DeployPlanner(MasterConfiguration configuration, NodeHealthBoard board)
{
    /// <summary>Checks and plans.</summary>
    /// <param name="connection">The transaction that commits it.</param>
    /// <param name="request">What is wished.</param>
    /// <param name="kind">"deploy" or "rollback", as the operator typed it.</param>
    /// <param name="planned">The node that a confirmed plan promised for a service without data; empty: the best one now.</param>
    /// <exception cref="McpException">What is in the way, with the next command.</exception>
    public DeployPlan Plan(SqliteConnection connection, DeployRequest request, string kind, string planned)
    {
        var spec = request.Service;
        var hash = SpecHash.OfService(spec);
        var current = PlacementStore.Find(connection, spec.Name);
        SeenGeneration.Check(current, spec, hash, request.SeenGeneration, request.Overwrite, kind);
        CheckComponent(current, spec, request.Component);
        CheckContainerNames(connection, spec);
        HostnameRules.Check(connection, spec, configuration.Zone, configuration.AllowedDomains);

        var data = DataRecordStore.Current(connection, spec.Name);
        if (request.Fresh && current is { Pending: false })
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{spec.Name} is deployed on {current.Node}; a fresh start would take its data away under it")
            {
                Hint = $"mcp undeploy {spec.Name}, then mcp deploy {spec.Name} --fresh (the data goes aside and is kept)",
            };
        }
        var place = data is null ? null : new DataPlace(data.Node, data.Epoch, data.Spec.Tier);
        if (current is { Pending: false } && DeployRules.Data(spec.Name, current.Node, current.Epoch, place) is { } split)
            throw split;
        if (current is null && data is null && !request.Fresh && DataRecordStore.All(connection, spec.Name) is [var other, ..])
        {
            throw new McpException(FaultCode.FailedPrecondition, $"no current data of {spec.Name} is known, but {other.Node} has a copy in epoch {other.Epoch} ({other.State}); it is not started empty")
            {
                Hint = $"take that copy: mcp data accept {spec.Name} --on {other.Node}; or start empty on purpose: mcp deploy {spec.Name} --fresh",
            };
        }
        // A service that runs stays on its node, whatever is done to its data; so does one whose first deploy is not confirmed yet.
        var location = current is not null ? new DataLocation(NodeName.Parse(current.Node), current.Spec.Tier)
            : data is not null && !request.Fresh ? new DataLocation(NodeName.Parse(data.Node), data.Spec.Tier.Length > 0 ? data.Spec.Tier : spec.Tier)
            : null;
        var fleet = Snapshot(connection, configuration.ScheduleOnMaster, board);
        var decision = location is null && planned.Length > 0 ? Placer.Promised(fleet, planned) : Placer.Choose(fleet, spec, location);
        if (decision.Node is not { } node)
            throw DeployRules.Nowhere(spec.Name, decision);
        var (epoch, volume) = request.Fresh || (data is null && current is null)
            ? (DataRecordStore.HighestEpoch(connection, spec.Name) + 1, Guid.NewGuid().ToString("D"))
            : current is not null ? (current.Epoch, current.VolumeId) : (data!.Epoch, data.VolumeId);
        return new DeployPlan(node.Value, decision.Why, epoch, volume, current, Pinned(connection, request, current), hash);
    }

    /// <summary>The fleet as placement sees it.</summary>
    public static FleetSnapshot Snapshot(SqliteConnection connection, ScheduleOnMaster policy, NodeHealthBoard board)
    {
        var observed = NodeStore.Observations(connection);
        var placed = PlacementStore.All(connection).GroupBy(p => p.Node).ToDictionary(g => g.Key, g => g.Sum(p => p.Spec.Components.Count), StringComparer.Ordinal);
        return new FleetSnapshot(
            [
                .. NodeStore.All(connection).Select(n => new NodeView(
                    NodeName.Parse(n.Name), n.Role, board.Of(n.Name).Health, n.Cordoned, placed.GetValueOrDefault(n.Name),
                    (int)(observed.GetValueOrDefault(n.Name)?.Containers ?? 0))),
            ],
            policy);
    }

    private static void CheckComponent(PlacementRow? current, ServiceSpec spec, string component)
    {
        if (component.Length == 0)
            return;
        if (spec.Components.All(c => c.Name != component))
            throw new McpException(FaultCode.NotFound, $"{spec.Name} has no component {Text.Printable.Line(component, 80)}") { Hint = $"its components: {string.Join(", ", spec.Components.Select(c => c.Name))}" };
        if (current is null or { Pending: true })
            throw new McpException(FaultCode.FailedPrecondition, $"{spec.Name} is not deployed; a single component cannot be the first") { Hint = $"mcp deploy {spec.Name}" };
        var before = current.Spec.Components.ToDictionary(c => c.Name, c => SpecHash.OfComponent(current.Spec, c), StringComparer.Ordinal);
        var others = spec.Components.Where(c => c.Name != component && before.GetValueOrDefault(c.Name) != SpecHash.OfComponent(spec, c)).Select(c => c.Name)
            .Concat(before.Keys.Where(k => spec.Components.All(c => c.Name != k)))
            .ToList();
        if (others.Count > 0)
            throw new McpException(FaultCode.FailedPrecondition, $"other components of {spec.Name} differ, too: {string.Join(", ", others)}") { Hint = $"deploy them together: mcp deploy {spec.Name}" };
    }

    private static void CheckContainerNames(SqliteConnection connection, ServiceSpec spec)
    {
        foreach (var other in PlacementStore.All(connection).Where(p => p.Service != spec.Name))
        {
            if (ContainerName.Collision(spec, other.Spec) is { } name)
                throw DeployRules.Taken(new NameClaim($"container {name}", spec.Name, ""), new NameClaim($"container {name}", other.Service, ""));
        }
    }

    private static IReadOnlyList<ComponentImage> Pinned(SqliteConnection connection, DeployRequest request, PlacementRow? current)
    {
        if (request.Pull)
            return [];
        var known = current is { Pending: false } ? current.Images : (IEnumerable<ComponentImage>)(GenerationStore.Of(connection, request.Service.Name).FirstOrDefault()?.Images ?? []);
        return [.. known.Where(i => request.Service.Components.Any(c => c.Name == i.Component && c.Image == i.Reference))];
    }
}
