using Mcp.Definitions;
using Mcp.V1;

namespace Mcp.Planning;

/// <summary>
/// Whether a redeploy makes a running service pause. Containers are replaced or removed where what they are made of differs; routes, health and
/// snapshot settings, the pin and a component that is only added change under the running ones.
/// </summary>
internal static class Interruption
{
    /// <summary>Compares what the containers of the two specs are made of.</summary>
    public static bool Of(ServiceSpec before, ServiceSpec after)
    {
        var becomes = after.Components.ToDictionary(c => c.Name, c => SpecHash.OfComponent(after, c), StringComparer.Ordinal);
        return before.Components.Any(c => becomes.GetValueOrDefault(c.Name) != SpecHash.OfComponent(before, c));
    }
}
