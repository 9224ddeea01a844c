using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Agent.Registry;

/// <summary>Host ports of routes: given once, kept for the life of the route.</summary>
internal sealed class RouteStore(Database database)
{
    /// <summary>The ports of one service, by component and route.</summary>
    public IReadOnlyDictionary<(string Component, string Route), int> Of(string service) =>
        database.Read(connection => connection.Query(
            "SELECT component, route, host_port FROM routes WHERE service = $s",
            row => (Key: (row.GetString(0), row.GetString(1)), Port: row.GetInt32(2)), ("$s", service)).ToDictionary(r => r.Key, r => r.Port));

    /// <summary>Every given port with the service that has it.</summary>
    public IReadOnlyDictionary<int, string> All() =>
        database.Read(connection => connection.Query(
            "SELECT host_port, service FROM routes", row => (Port: row.GetInt32(0), Service: row.GetString(1))).ToDictionary(r => r.Port, r => r.Service));

    /// <summary>Gives a port to every route in <paramref name="wanted"/>, in the caller's transaction; the operation's put-back takes them away again.</summary>
    public static void Reserve(SqliteConnection connection, string operation, string service, IReadOnlyDictionary<(string Component, string Route), int> wanted)
    {
        foreach (var ((component, route), port) in wanted)
        {
            connection.Execute(
                "INSERT INTO routes(service, component, route, host_port, operation) VALUES($s, $c, $r, $p, $o)",
                ("$s", service), ("$c", component), ("$r", route), ("$p", port), ("$o", operation));
        }
    }

    /// <summary>Takes away what a deploy that was put back had reserved.</summary>
    public static void Release(SqliteConnection connection, string operation) =>
        connection.Execute("DELETE FROM routes WHERE operation = $o", ("$o", operation));

    /// <summary>After a commit: ports of routes that the new spec has no more are free, and the others are no longer the operation's to release.</summary>
    public static void Settle(SqliteConnection connection, ServiceSpec spec)
    {
        var kept = spec.Components.SelectMany(c => c.Routes.Select(r => (c.Name, r.Name))).ToHashSet();
        var rows = connection.Query(
            "SELECT component, route FROM routes WHERE service = $s", row => (row.GetString(0), row.GetString(1)), ("$s", spec.Name));
        foreach (var (component, route) in rows.Where(r => !kept.Contains(r)))
        {
            connection.Execute(
                "DELETE FROM routes WHERE service = $s AND component = $c AND route = $r", ("$s", spec.Name), ("$c", component), ("$r", route));
        }
        connection.Execute("UPDATE routes SET operation = '' WHERE service = $s", ("$s", spec.Name));
    }
}
