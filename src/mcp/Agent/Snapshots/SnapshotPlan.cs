using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Agent.Snapshots;

/// <summary>
/// What an export does before it archives, and what it takes. Pure. A snapshot follows the definition; a move takes everything and asks nobody, since nobody runs.
/// A container that does not run is not asked either: its folder is archived as it lies.
/// </summary>
/// <param name="Ask">The method to run first; null: none.</param>
/// <param name="Component">Which component it talks to; null: none.</param>
/// <param name="Essentials">Only configuration, certificates and databases.</param>
/// <param name="Excludes">What the definition leaves out.</param>
internal sealed record SnapshotPlan(SnapshotMethod? Ask, ComponentSpec? Component, bool Essentials, IReadOnlyList<string> Excludes)
{
    /// <summary>Everything, and the services stand still.</summary>
    public const string Move = "move";

    /// <summary>As the definition says, while the service runs.</summary>
    public const string Snapshot = "snapshot";

    /// <summary>Decides.</summary>
    /// <param name="spec">The service as it was deployed.</param>
    /// <param name="mode"><see cref="Snapshot"/>, also when empty, or <see cref="Move"/>.</param>
    /// <param name="isRunning">Whether a component's container runs.</param>
    /// <exception cref="McpException">Another mode, or a method that names nothing to talk to.</exception>
    public static SnapshotPlan Of(ServiceSpec spec, string mode, Func<ComponentSpec, bool> isRunning)
    {
        if (mode == Move)
            return new SnapshotPlan(null, null, Essentials: false, []);
        if (mode is not ("" or Snapshot))
            throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(mode, 40)}' is no mode of an export: {Snapshot}, {Move}");
        var settings = spec.Snapshot ?? new SnapshotConfig();
        if (!SnapshotMethod.TryParse(settings.Method, out var method, out var problem))
            throw new McpException(FaultCode.FailedPrecondition, $"the snapshot method of {spec.Name} {problem}") { Hint = $"mend [snapshot] method, then mcp deploy {spec.Name}" };
        var essentials = method.Kind == SnapshotMethodKind.Absent;
        if (!method.NeedsComponent)
            return new SnapshotPlan(null, null, essentials, settings.Excludes);
        var component = spec.Components.FirstOrDefault(c => c.Name == settings.Component) ?? (settings.Component.Length == 0 && spec.Components.Count == 1 ? spec.Components[0] : null);
        if (component is null)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the snapshot method of {spec.Name} does not say which component it talks to")
            {
                Hint = $"[snapshot] component = one of {string.Join(", ", spec.Components.Select(c => c.Name))}; then mcp deploy {spec.Name}",
            };
        }
        return new SnapshotPlan(isRunning(component) ? method : null, component, essentials, settings.Excludes);
    }
}
