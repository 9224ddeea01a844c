using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>The host names of routes; "" in a spec stands for the service's own name in the zone.</summary>
internal static class RouteHostname
{
    /// <summary>The name that a client uses: the route's own, or <c>service.zone</c>.</summary>
    public static string Of(ServiceSpec service, RouteSpec route, string zone) =>
        route.Hostname.Length > 0 ? route.Hostname : $"{service.Name}.{zone}";

    /// <summary>
    /// The name inside the fleet: <c>service.zone</c>; for a second public route on the same listener <c>route.service.zone</c> (contract §9),
    /// because an edge tells the two apart by this name alone.
    /// </summary>
    public static string Internal(ServiceSpec service, RouteSpec route, string zone)
    {
        var first = service.Components.SelectMany(c => c.Routes).FirstOrDefault(r => r.Public && r.Port == route.Port);
        return !route.Public || first is null || ReferenceEquals(first, route) || first.Equals(route)
            ? $"{service.Name}.{zone}"
            : $"{route.Name}.{service.Name}.{zone}";
    }
}
