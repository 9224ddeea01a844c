using Mcp.Planning;
using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>A hostname on a listener, and whose it is.</summary>
internal sealed record HostnameRow(string Hostname, uint Listener, string Service, string Component, string Route, bool Public)
{
    /// <summary>The name as plans have it.</summary>
    public NameClaim ToClaim() => NameClaim.OfHostname(Hostname, Listener, Service, Route);
}

/// <summary>Hostnames belong to one service fleet-wide, from its deploy to its undeploy.</summary>
internal static class HostnameStore
{
    private const string Columns = "hostname, listener, service, component, route, public";

    /// <summary>Whose the name is on that listener, or null.</summary>
    public static HostnameRow? Find(SqliteConnection connection, string hostname, uint listener) =>
        connection.QueryFirst($"SELECT {Columns} FROM hostnames WHERE hostname = $hostname AND listener = $listener", Map, ("$hostname", hostname), ("$listener", (long)listener));

    /// <summary>All claims by name.</summary>
    public static List<HostnameRow> All(SqliteConnection connection) => connection.Query($"SELECT {Columns} FROM hostnames ORDER BY hostname, listener", Map);

    /// <summary>Claims names beside those the service has: a deploy that fails must keep the old ones.</summary>
    public static void Claim(SqliteConnection connection, IEnumerable<HostnameRow> rows)
    {
        foreach (var row in rows)
        {
            connection.Execute(
                $"INSERT OR REPLACE INTO hostnames({Columns}) VALUES($hostname, $listener, $service, $component, $route, $public)",
                ("$hostname", row.Hostname), ("$listener", (long)row.Listener), ("$service", row.Service), ("$component", row.Component), ("$route", row.Route), ("$public", row.Public));
        }
    }

    /// <summary>Lets go every name of the service and claims exactly <paramref name="rows"/>.</summary>
    public static void Replace(SqliteConnection connection, string service, IEnumerable<HostnameRow> rows)
    {
        connection.Execute("DELETE FROM hostnames WHERE service = $service", ("$service", service));
        Claim(connection, rows);
    }

    private static HostnameRow Map(SqliteDataReader r) =>
        new(r.GetString(0), (uint)r.GetInt64(1), r.GetString(2), r.GetString(3), r.GetString(4), r.GetInt64(5) != 0);
}
