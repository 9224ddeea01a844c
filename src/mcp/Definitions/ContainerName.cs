using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>The names of containers. They are made, never parsed apart: "a-b" may be a-b's own or component b of a.</summary>
internal static class ContainerName
{
    /// <summary><c>service-component</c>, or just <c>service</c> when the two are equal.</summary>
    public static string Of(string service, string component) =>
        service == component ? service : $"{service}-{component}";

    /// <summary>The first container name that both services would use, or null. The same service never collides with itself.</summary>
    public static string? Collision(ServiceSpec one, ServiceSpec other)
    {
        if (one.Name == other.Name)
            return null;
        var names = one.Components.Select(c => Of(one.Name, c.Name)).ToHashSet(StringComparer.Ordinal);
        return other.Components.Select(c => Of(other.Name, c.Name)).FirstOrDefault(names.Contains);
    }
}
