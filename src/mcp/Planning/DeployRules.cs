using Mcp.Errors;
using Mcp.Names;
using Mcp.Placement;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Planning;

/// <summary>
/// What a deploy is refused for before anything acts. A plan and a deploy ask the same rules, so a plan shows what would be refused. A refusal is
/// a value; null means that the rule is kept.
/// </summary>
internal static class DeployRules
{
    /// <summary>The refusal of a name that belongs to another service.</summary>
    public static McpException Taken(NameClaim wanted, NameClaim owner) => owner.Route.Length > 0
        ? new McpException(FaultCode.AlreadyExists, $"{wanted.Name} belongs to the service {owner.Service} (route {owner.Route})")
        {
            Hint = $"choose another hostname or port for the route {wanted.Route}, or undeploy the owner: mcp undeploy {owner.Service}",
        }
        : new McpException(FaultCode.AlreadyExists, $"the container name {wanted.Name["container ".Length..]} would belong to both {wanted.Service} and the service {owner.Service}")
        {
            Hint = "rename the service or the component",
        };

    /// <summary>Refuses hostnames in the zone that are not the service's own, and public ones outside of the allowed domains.</summary>
    public static McpException? Hostnames(ServiceSpec spec, string zone, IReadOnlyList<string> allowedDomains) =>
        spec.Components.SelectMany(c => c.Routes).Where(r => r.Hostname.Length > 0).Select(r => OfRoute(spec, r, zone, allowedDomains)).FirstOrDefault(e => e is not null);

    /// <summary>Refuses to deploy where a service is placed while another node holds its data.</summary>
    public static McpException? Data(string service, string node, ulong epoch, DataPlace? data) => data is null || data.Node == node
        ? null
        : new McpException(FaultCode.FailedPrecondition, $"{service} is placed on {node} (epoch {epoch}), but {data.Node} holds its data in epoch {data.Epoch}")
        {
            Hint = $"mcp data list {service}; go on with the data on {data.Node}: mcp undeploy {service}, then mcp deploy {service}; or with the copy on {node}: mcp data accept {service} --on {node}",
        };

    /// <summary>The refusal of a placement that found no node.</summary>
    public static McpException Nowhere(string service, PlacementDecision decision) =>
        new(FaultCode.FailedPrecondition, $"{service} cannot be placed: {decision.Why}")
        {
            Step = "place",
            Cause = decision.Refusals.Count == 0 ? null : string.Join("; ", decision.Refusals.Select(r => $"{r.Node} {r.Reason}")),
            Hint = decision.Hint,
        };

    private static McpException? OfRoute(ServiceSpec spec, RouteSpec route, string zone, IReadOnlyList<string> allowedDomains)
    {
        if (!Hostname.TryParse(route.Hostname, out var hostname, out var problem))
            return new McpException(FaultCode.InvalidArgument, $"the hostname '{Printable.Line(route.Hostname, 300)}' of route {route.Name} {problem}");
        var own = $"{spec.Name}.{zone}";
        if (hostname.IsWithin(zone) && !hostname.IsWithin(own))
        {
            return new McpException(FaultCode.FailedPrecondition, $"{hostname} lies in the internal zone {zone}, where {spec.Name} owns only {own} and names under it")
            {
                Hint = $"leave hostname out (it is {own} then), or choose a name outside of {zone}",
            };
        }
        if (!route.Public)
            return null;
        if (hostname.IsWithin(zone))
            return new McpException(FaultCode.FailedPrecondition, $"the public route {route.Name} asks for {hostname}, which lies in the internal zone {zone}") { Hint = "give it a public hostname" };
        return allowedDomains.Any(hostname.IsWithin)
            ? null
            : new McpException(FaultCode.FailedPrecondition, $"{hostname} is not under a domain that this fleet may serve to the public")
            {
                Cause = allowedDomains.Count == 0 ? "[edge] allowed_domains is empty" : $"allowed: {string.Join(", ", allowedDomains)}",
                Hint = "add its domain to [edge] allowed_domains in mcp-master.toml and restart the master",
            };
    }
}
