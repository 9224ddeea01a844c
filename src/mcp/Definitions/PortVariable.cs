using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>How a container is told the port of a route that names no <c>container_port</c>.</summary>
internal static class PortVariable
{
    /// <summary><c>PORT</c> when the component has one route, else <c>PORT_NAME</c>; null for a route with a <c>container_port</c>.</summary>
    public static string? Of(ComponentSpec component, RouteSpec route) =>
        route.ContainerPort != 0 ? null
        : component.Routes.Count == 1 ? "PORT"
        : "PORT_" + route.Name.Replace('-', '_').ToUpperInvariant();
}
