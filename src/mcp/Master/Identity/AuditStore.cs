using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Identity;

/// <summary>Who did what, when, from where, with which outcome.</summary>
internal sealed record AuditRow(string At, string Principal, string Peer, string Method, string Node, string Service, string Operation, string Outcome, string Detail);

/// <summary>The audit; kept a year.</summary>
internal static class AuditStore
{
    private const string Columns = "at, principal, peer, method, node, service, operation, outcome, detail";

    private const string Fits = "($service = '' OR service = $service) AND ($node = '' OR node = $node) AND at >= $since";

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

    /// <summary>Rows after <paramref name="after"/> that fit, the oldest first, as events of kind "call" or "denied".</summary>
    public static List<FleetEvent> After(SqliteConnection connection, ulong after, EventsRequest filter, int limit) =>
        connection.Query(
            $"SELECT {Columns}, id FROM audit WHERE id > $after AND {Fits} ORDER BY id LIMIT $limit",
            r => new FleetEvent
            {
                Id = (ulong)r.GetInt64(9),
                At = r.GetString(0),
                Principal = r.GetString(1),
                Node = r.GetString(4),
                Service = r.GetString(5),
                Operation = r.GetString(6),
                Kind = r.GetString(7) == "OK" ? "call" : "denied",
                Severity = r.GetString(7) == "OK" ? "info" : "warning",
                Message = $"{r.GetString(3)} from {r.GetString(2)}: {r.GetString(7)}{(r.GetString(8).Length > 0 ? $" ({r.GetString(8)})" : "")}",
            },
            ("$after", (long)after), ("$limit", limit), ("$service", filter.Service), ("$node", filter.Node), ("$since", filter.Since));

    /// <summary>The id before the last <c>tail</c> fitting rows; 0: all.</summary>
    public static ulong BeforeTail(SqliteConnection connection, EventsRequest filter) => filter.Tail == 0 ? 0 : (ulong)connection.Scalar<long>(
        $"SELECT coalesce(min(id), 1) - 1 FROM (SELECT id FROM audit WHERE {Fits} ORDER BY id DESC LIMIT $tail)",
        ("$tail", (long)Math.Min(filter.Tail, 100_000)), ("$service", filter.Service), ("$node", filter.Node), ("$since", filter.Since));

    /// <summary>Removes what is older than <paramref name="before"/>.</summary>
    public static void Reap(SqliteConnection connection, string before) => connection.Execute("DELETE FROM audit WHERE at < $before", ("$before", before));
}
