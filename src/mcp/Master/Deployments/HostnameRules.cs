using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Names;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>The names that a spec asks for, and whether it may have them.</summary>
internal static class HostnameRules
{
    /// <summary>Every name of the spec with its listener.</summary>
    public static List<HostnameRow> Wanted(ServiceSpec spec, string zone) =>
    [
        .. from component in spec.Components
           from route in component.Routes
           from name in Names(spec, route, zone)
           select new HostnameRow(name, route.Port, spec.Name, component.Name, route.Name, route.Public),
    ];

    /// <summary>Refuses names of others, names in the zone that are not the service's own, and public names outside the allowed domains.</summary>
    /// <exception cref="McpException">AlreadyExists naming the owner, or FailedPrecondition.</exception>
    public static void Check(SqliteConnection connection, ServiceSpec spec, string zone, IReadOnlyList<string> allowedDomains)
    {
        foreach (var row in Wanted(spec, zone))
        {
            if (HostnameStore.Find(connection, row.Hostname, row.Listener) is { } owner && owner.Service != spec.Name)
            {
                throw new McpException(FaultCode.AlreadyExists, $"{row.Hostname}:{row.Listener} belongs to the service {owner.Service} (route {owner.Route})")
                {
                    Hint = $"choose another hostname or port for the route {row.Route}, or undeploy the owner: mcp undeploy {owner.Service}",
                };
            }
        }
        foreach (var route in spec.Components.SelectMany(c => c.Routes).Where(r => r.Hostname.Length > 0))
            CheckName(spec, route, zone, allowedDomains);
    }

    private static void CheckName(ServiceSpec spec, RouteSpec route, string zone, IReadOnlyList<string> allowedDomains)
    {
        if (!Hostname.TryParse(route.Hostname, out var hostname, out var problem))
            throw new McpException(FaultCode.InvalidArgument, $"the hostname '{Text.Printable.Line(route.Hostname, 300)}' of route {route.Name} {problem}");
        var own = $"{spec.Name}.{zone}";
        if (hostname.IsWithin(zone) && !hostname.IsWithin(own))
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{hostname} lies in the internal zone {zone}, where {spec.Name} owns only {own} and names under it")
            {
                Hint = $"leave hostname out (it is {own} then), or choose a name outside of {zone}",
            };
        }
        if (!route.Public)
            return;
        if (hostname.IsWithin(zone))
            throw new McpException(FaultCode.FailedPrecondition, $"the public route {route.Name} asks for {hostname}, which lies in the internal zone {zone}") { Hint = "give it a public hostname" };
        if (!allowedDomains.Any(hostname.IsWithin))
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{hostname} is not under a domain that this fleet may serve to the public")
            {
                Cause = allowedDomains.Count == 0 ? "[edge] allowed_domains is empty" : $"allowed: {string.Join(", ", allowedDomains)}",
                Hint = "add its domain to [edge] allowed_domains in mcp-master.toml and restart the master",
            };
        }
    }

    private static IEnumerable<string> Names(ServiceSpec spec, RouteSpec route, string zone)
    {
        var name = RouteHostname.Of(spec, route, zone);
        var inner = RouteHostname.Internal(spec, route, zone);
        return name == inner ? [name] : [name, inner];
    }
}
