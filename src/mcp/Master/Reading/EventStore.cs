using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Reading;

/// <summary>What happened in the fleet, for <c>mcp events</c>; kept 30 days.</summary>
internal static class EventStore
{
    private const string Columns = "at, node, service, component, kind, severity, message, principal, operation";

    private const string Fits = "($service = '' OR service = $service) AND ($node = '' OR node = $node) AND at >= $since";

    /// <summary>Adds an event and gives its id.</summary>
    public static ulong Add(SqliteConnection connection, FleetEvent e) =>
        (ulong)connection.Scalar<long>(
            $"INSERT INTO events({Columns}) VALUES($at, $node, $service, $component, $kind, $severity, $message, $principal, $operation) RETURNING id",
            ("$at", e.At), ("$node", e.Node), ("$service", e.Service), ("$component", e.Component), ("$kind", e.Kind), ("$severity", e.Severity),
            ("$message", e.Message), ("$principal", e.Principal), ("$operation", e.Operation));

    /// <summary>Events after <paramref name="after"/> that fit, as they came, at most <paramref name="limit"/>.</summary>
    public static List<FleetEvent> After(SqliteConnection connection, ulong after, EventsRequest filter, int limit) =>
        connection.Query($"SELECT id, {Columns} FROM events WHERE id > $after AND {Fits} ORDER BY id LIMIT $limit", Map, [("$after", (long)after), ("$limit", limit), .. Wanted(filter)]);

    /// <summary>
    /// Events up to the id <paramref name="until"/> that fit, by their time, after <paramref name="from"/>: what a node could report only later stands where it happened.
    /// </summary>
    public static List<FleetEvent> History(SqliteConnection connection, (string At, ulong Id) from, ulong until, EventsRequest filter, int limit) =>
        connection.Query(
            $"SELECT id, {Columns} FROM events WHERE id <= $until AND (at, id) > ($at, $id) AND {Fits} ORDER BY at, id LIMIT $limit",
            Map, [("$until", (long)until), ("$at", from.At), ("$id", (long)from.Id), ("$limit", limit), .. Wanted(filter)]);

    /// <summary>Where <see cref="History"/> begins for the last <c>tail</c> fitting events.</summary>
    public static (string At, ulong Id) BeforeTail(SqliteConnection connection, EventsRequest filter) =>
        filter.Tail > 0 && connection.QueryFirst(
            $"SELECT id, {Columns} FROM events WHERE {Fits} ORDER BY at DESC, id DESC LIMIT 1 OFFSET $tail",
            Map, [("$tail", (long)Math.Min(filter.Tail, 100_000)), .. Wanted(filter)]) is { } before ? (before.At, before.Id) : ("", 0);

    /// <summary>The highest id.</summary>
    public static ulong Last(SqliteConnection connection) => (ulong)connection.Scalar<long>("SELECT coalesce(max(id), 0) FROM events");

    /// <summary>
    /// The id from which a follower goes on who saw the event <paramref name="id"/> of the time <paramref name="at"/> last. A database that was restored
    /// gives the same ids to other events: then his time counts.
    /// </summary>
    public static ulong Resume(SqliteConnection connection, ulong id, string at)
    {
        var known = connection.Scalar<string>("SELECT at FROM events WHERE id = $id", ("$id", (long)Math.Min(id, long.MaxValue)));
        return id <= Last(connection) && (known is null || at.Length == 0 || known == at)
            ? id
            : (ulong)connection.Scalar<long>("SELECT coalesce(max(id), 0) FROM events WHERE at <= $at", ("$at", at));
    }

    /// <summary>Removes what is older than <paramref name="before"/>.</summary>
    public static void Reap(SqliteConnection connection, string before) => connection.Execute("DELETE FROM events WHERE at < $before", ("$before", before));

    private static (string Name, object? Value)[] Wanted(EventsRequest filter) => [("$service", filter.Service), ("$node", filter.Node), ("$since", filter.Since)];

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
