using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Reading;

/// <summary>What happened in the fleet, for <c>mcp events</c>; kept 30 days.</summary>
internal static class EventStore
{
    private const string Columns = "at, node, service, component, kind, severity, message, principal, operation";

    /// <summary>Adds an event and gives its id.</summary>
    public static ulong Add(SqliteConnection connection, FleetEvent e) =>
        (ulong)connection.Scalar<long>(
            $"INSERT INTO events({Columns}) VALUES($at, $node, $service, $component, $kind, $severity, $message, $principal, $operation) RETURNING id",
            ("$at", e.At), ("$node", e.Node), ("$service", e.Service), ("$component", e.Component), ("$kind", e.Kind), ("$severity", e.Severity),
            ("$message", e.Message), ("$principal", e.Principal), ("$operation", e.Operation));

    /// <summary>Events after <paramref name="after"/> that fit, the oldest first, at most <paramref name="limit"/>.</summary>
    public static List<FleetEvent> After(SqliteConnection connection, ulong after, EventsRequest filter, int limit) =>
        connection.Query(
            $"""
            SELECT id, {Columns} FROM events
            WHERE id > $after AND ($service = '' OR service = $service) AND ($node = '' OR node = $node) AND at >= $since
            ORDER BY id LIMIT $limit
            """,
            Map, ("$after", (long)after), ("$service", filter.Service), ("$node", filter.Node), ("$since", filter.Since), ("$limit", limit));

    /// <summary>The id before the last <paramref name="tail"/> fitting events, from which <see cref="After"/> gives just those.</summary>
    public static ulong BeforeTail(SqliteConnection connection, EventsRequest filter, uint tail) =>
        (ulong)connection.Scalar<long>(
            """
            SELECT coalesce(min(id), 1) - 1 FROM (SELECT id FROM events
              WHERE ($service = '' OR service = $service) AND ($node = '' OR node = $node) AND at >= $since ORDER BY id DESC LIMIT $tail)
            """,
            ("$service", filter.Service), ("$node", filter.Node), ("$since", filter.Since), ("$tail", (long)tail));

    /// <summary>Removes what is older than <paramref name="before"/>.</summary>
    public static void Reap(SqliteConnection connection, string before) => connection.Execute("DELETE FROM events WHERE at < $before", ("$before", before));

    private static FleetEvent Map(SqliteDataReader r) => new()
    {
        Id = (ulong)r.GetInt64(0),
        At = r.GetString(1),
        Node = r.GetString(2),
        Service = r.GetString(3),
        Component = r.GetString(4),
        Kind = r.GetString(5),
        Severity = r.GetString(6),
        Message = r.GetString(7),
        Principal = r.GetString(8),
        Operation = r.GetString(9),
    };
}
