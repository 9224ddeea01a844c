using Mcp.V1;

namespace Mcp.Definitions.Rules;

/// <summary>The entries of <c>ports</c>, over all components: they meet on the same node.</summary>
internal static class PortRule
{
    /// <summary>The default ports of the agent and of the proxy; where a node uses others, its policy refuses those.</summary>
    private static readonly int[] ControlPlane = [443, 8443, 9443, 9444];

    public static void Check(ServiceSpec spec, SpecProblems problems)
    {
        var taken = new List<(PortMapping Mapping, string Key)>();
        for (var c = 0; c < spec.Components.Count; c++)
        {
            var component = spec.Components[c];
            if (component.Network == "host" && component.Ports.Count > 0)
                problems.Add($"components[{c}].ports", "has no effect with network = \"host\", where the container listens on the node itself; remove one of the two");
            for (var i = 0; i < component.Ports.Count; i++)
            {
                var key = $"components[{c}].ports[{i}]";
                if (!PortMapping.TryParse(component.Ports[i], out var mapping, out var problem))
                    problems.Add(key, $"\"{component.Ports[i]}\" {problem}");
                else if (mapping.Protocol == "tcp" && ControlPlane.Contains(mapping.HostPort))
                    problems.Add(key, $"host port {mapping.HostPort} is the agent's or the proxy's own; write a route to be reached there");
                else if (taken.FirstOrDefault(t => t.Mapping.CollidesWith(mapping)) is { Key: { } first })
                    problems.Add(key, $"host port {mapping.HostPort}/{mapping.Protocol} is taken already, by {first}");
                else
                    taken.Add((mapping, key));
            }
        }
    }
}
