using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Registration;

/// <summary>A service as an agent said it holds it.</summary>
internal sealed record ReportedService(string Node, string Service, ulong Epoch, string VolumeId, ulong Generation, bool Running);

/// <summary>What agents said at Register that they hold; observed, never desired.</summary>
internal static class ReportedServiceStore
{
    /// <summary>Replaces what is known of a node.</summary>
    public static void Replace(SqliteConnection connection, string node, IEnumerable<ReportedService> services)
    {
        connection.Execute("DELETE FROM reported_services WHERE node = $node", ("$node", node));
        foreach (var service in services)
            Put(connection, service);
    }

    /// <summary>Adds or replaces one row.</summary>
    public static void Put(SqliteConnection connection, ReportedService s) =>
        connection.Execute(
            """
            INSERT OR REPLACE INTO reported_services(node, service, epoch, volume_id, generation, running)
            VALUES($node, $service, $epoch, $volume, $generation, $running)
            """,
            ("$node", s.Node), ("$service", s.Service), ("$epoch", (long)s.Epoch), ("$volume", s.VolumeId), ("$generation", (long)s.Generation), ("$running", s.Running));

    /// <summary>The node no longer runs it.</summary>
    public static void Remove(SqliteConnection connection, string node, string service) =>
        connection.Execute("DELETE FROM reported_services WHERE node = $node AND service = $service", ("$node", node), ("$service", service));

    /// <summary>All rows.</summary>
    public static List<ReportedService> All(SqliteConnection connection) =>
        connection.Query(
            "SELECT node, service, epoch, volume_id, generation, running FROM reported_services ORDER BY node, service",
            r => new ReportedService(r.GetString(0), r.GetString(1), (ulong)r.GetInt64(2), r.GetString(3), (ulong)r.GetInt64(4), r.GetInt64(5) != 0));
}
