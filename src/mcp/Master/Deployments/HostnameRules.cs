using Mcp.Errors;
using Mcp.Planning;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>The names that a spec asks for, and whether it may have them.</summary>
internal static class HostnameRules
{
    /// <summary>Every name of the spec with its listener.</summary>
    public static List<HostnameRow> Wanted(ServiceSpec spec, string zone) =>
        [.. NameClaim.Hostnames(spec, zone).Select(h => new HostnameRow(h.Hostname, h.Route.Port, spec.Name, h.Component.Name, h.Route.Name, h.Route.Public))];

    /// <summary>Refuses names of others, names in the zone that are not the service's own, and public names outside the allowed domains.</summary>
    /// <exception cref="McpException">AlreadyExists naming the owner, or FailedPrecondition.</exception>
    public static void Check(SqliteConnection connection, ServiceSpec spec, string zone, IReadOnlyList<string> allowedDomains)
    {
        foreach (var row in Wanted(spec, zone))
        {
            if (HostnameStore.Find(connection, row.Hostname, row.Listener) is { } owner && owner.Service != spec.Name)
                throw DeployRules.Taken(row.ToClaim(), owner.ToClaim());
        }
        if (DeployRules.Hostnames(spec, zone, allowedDomains) is { } refused)
            throw refused;
    }
}
