using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>Lower-case hex SHA-256 over the canonical form of a spec.</summary>
internal static class SpecHash
{
    /// <summary>Over every field that this version knows: two sides with the same hash understood the same spec.</summary>
    public static string OfService(ServiceSpec service) => throw new NotImplementedException();

    /// <summary>Over what the container is made of: the same hash means that the running container stays.</summary>
    public static string OfComponent(ServiceSpec service, ComponentSpec component) => throw new NotImplementedException();
}
