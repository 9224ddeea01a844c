using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Identity;

/// <summary>Who did what, when, from where, with which outcome.</summary>
internal sealed record AuditRow(string At, string Principal, string Peer, string Method, string Node, string Service, string Operation, string Outcome, string Detail);

/// <summary>The audit; kept a year.</summary>
internal static class AuditStore
{
    private const string Columns = "at, principal, peer, method, node, service, operation, outcome, detail";

    /// <summary>Adds a row.</summary>
    public static void Add(SqliteConnection connection, AuditRow row) =>
        connection.Execute(
            $"INSERT INTO audit({Columns}) VALUES($at, $principal, $peer, $method, $node, $service, $operation, $outcome, $detail)",
            ("$at", row.At), ("$principal", row.Principal), ("$peer", row.Peer), ("$method", row.Method), ("$node", row.Node), ("$service", row.Service),
            ("$operation", row.Operation), ("$outcome", row.Outcome), ("$detail", row.Detail));

    /// <summary>The last rows, the newest first.</summary>
    public static List<AuditRow> Last(SqliteConnection connection, int limit) =>
        connection.Query(
            $"SELECT {Columns} FROM audit ORDER BY id DESC LIMIT $limit",
            r => new AuditRow(r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GetString(4), r.GetString(5), r.GetString(6), r.GetString(7), r.GetString(8)),
            ("$limit", limit));

    /// <summary>Removes what is older than <paramref name="before"/>.</summary>
    public static void Reap(SqliteConnection connection, string before) => connection.Execute("DELETE FROM audit WHERE at < $before", ("$before", before));
}
