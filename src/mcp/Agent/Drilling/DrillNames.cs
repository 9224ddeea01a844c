using Mcp.Podman;

namespace Mcp.Agent.Drilling;

/// <summary>
/// How what a drill makes is told from everything else on a node: names and a label of its own, and none of the labels of services. So nothing that
/// looks for a service's containers (start, stop, monitor, adoption, imports) ever finds one of these.
/// </summary>
internal static class DrillNames
{
    /// <summary>The label; its value is the drill's operation.</summary>
    public const string Label = "mcp.drill";

    private const string Prefix = "mcp-drill-";

    /// <summary>The name of a drill's network; "mcp-…" is no service's.</summary>
    public static string Network(string tag) => Prefix + tag;

    /// <summary>The name of a drill's container.</summary>
    public static string Container(string tag, string component) => $"{Prefix}{tag}-{component}";

    /// <summary>Whether a drill of this node made the container; name and label must agree.</summary>
    public static bool IsDrill(ContainerSummary container) => container.Name.StartsWith(Prefix, StringComparison.Ordinal) && container.Labels.ContainsKey(Label);
}
