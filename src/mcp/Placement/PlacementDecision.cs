using Mcp.Names;

namespace Mcp.Placement;

/// <summary>Why one node was not chosen.</summary>
/// <param name="Node">The node.</param>
/// <param name="Reason">In words that follow the node's name: "is an edge node; …".</param>
internal sealed record Refusal(NodeName Node, string Reason);

/// <summary>Where a service goes and why, or why it goes nowhere.</summary>
/// <param name="Node">The node; null when nothing was chosen.</param>
/// <param name="Why">The rule that decided, in words.</param>
/// <param name="Refusals">Each node that was looked at and refused.</param>
/// <param name="Hint">The next command when nothing was chosen.</param>
internal sealed record PlacementDecision(NodeName? Node, string Why, IReadOnlyList<Refusal> Refusals, string? Hint = null);
