using Mcp.Definitions;
using Mcp.V1;

namespace Mcp.Planning;

/// <summary>A name that one service alone can have, fleet-wide: a hostname on a listener, or a container's name.</summary>
/// <param name="Name"><c>notes.example.org:8443</c>, or <c>container notes-web</c>.</param>
/// <param name="Service">Whose it is.</param>
/// <param name="Route">The route; empty for a container's name.</param>
internal sealed record NameClaim(string Name, string Service, string Route)
{
    /// <summary>The claim of a route.</summary>
    public static NameClaim OfHostname(string hostname, uint listener, string service, string route) => new($"{hostname}:{listener}", service, route);

    /// <summary>Every hostname that a spec asks for, with its listener: the name that clients use, and the one inside the fleet.</summary>
    public static IEnumerable<(ComponentSpec Component, RouteSpec Route, string Hostname)> Hostnames(ServiceSpec spec, string zone) =>
        from component in spec.Components
        from route in component.Routes
        from name in new[] { RouteHostname.Of(spec, route, zone), RouteHostname.Internal(spec, route, zone) }.Distinct()
        select (component, route, name);

    /// <summary>Every name that a spec asks for.</summary>
    public static IEnumerable<NameClaim> Of(ServiceSpec spec, string zone) =>
        Hostnames(spec, zone).Select(h => OfHostname(h.Hostname, h.Route.Port, spec.Name, h.Route.Name)).Concat(OfContainers(spec));

    /// <summary>The names of its containers.</summary>
    public static IEnumerable<NameClaim> OfContainers(ServiceSpec spec) =>
        spec.Components.Select(c => new NameClaim($"container {ContainerName.Of(spec.Name, c.Name)}", spec.Name, ""));
}
