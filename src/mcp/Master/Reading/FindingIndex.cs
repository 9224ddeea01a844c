using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>The facts by service, so that the rules look things up: with ten thousand services, a search for each of them in all is a hundred million steps.</summary>
internal sealed class FindingIndex(FindingFacts facts)
{
    private readonly Dictionary<string, PlacementRow> _placements = facts.Placements.ToDictionary(p => p.Service, StringComparer.Ordinal);
    private readonly HashSet<string> _open = facts.Open.Select(o => o.Service).ToHashSet(StringComparer.Ordinal);
    private readonly Dictionary<string, DataRecord> _owners = facts.Data.Where(d => d.State == "current").ToDictionary(d => d.Service, StringComparer.Ordinal);

    private readonly Dictionary<(string Node, string Service), ReportedService> _reported = facts.Reported.ToDictionary(r => (r.Node, r.Service));

    /// <summary>What the node's agent said at Register of the service, or null.</summary>
    public ReportedService? ReportedBy(string node, string service) => _reported.GetValueOrDefault((node, service));

    /// <summary>Where the service has its place, or null.</summary>
    public PlacementRow? PlacementOf(string service) => _placements.GetValueOrDefault(service);

    /// <summary>The current data of the service, or null.</summary>
    public DataRecord? OwnerOf(string service) => _owners.GetValueOrDefault(service);

    /// <summary>Whether an operation on the service has not ended.</summary>
    public bool IsOpen(string service) => _open.Contains(service);
}
