using Mcp.Names;

namespace Mcp.Placement;

/// <summary>Where a service's data lies, from the master's data record.</summary>
/// <param name="Node">The node that holds it.</param>
/// <param name="Tier">The tier of the spec that was last deployed: a change across core and worker moves the service and is refused.</param>
internal sealed record DataLocation(NodeName Node, string Tier);
