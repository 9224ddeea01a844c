using System.Globalization;
using System.Runtime.CompilerServices;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Agent.Registry;

/// <summary>What happened on this node, in order; also the audit. Watchers are woken after the row is durable.</summary>
internal sealed class EventStore(Database database, string node, TimeProvider clock)
{
    private const string Columns = "SELECT id, at, service, component, kind, severity, message, principal, operation, direct FROM events";

    private const string Fits = "at >= $since AND ($service = '' OR service = $service) AND (kind IN ('call', 'denied')) = $audit";

    // Completed and replaced at every write: a watcher takes the current one, reads what there is, then waits for it.
    private volatile TaskCompletionSource _written = NewSignal();

    /// <summary>Writes one event and wakes the watchers.</summary>
    public void Add(NodeEvent happened)
    {
        database.Write(connection => Add(connection, happened));
        Wake();
    }

    /// <summary>Writes one event inside the caller's transaction; <see cref="Wake"/> is called after its commit.</summary>
    public void Add(SqliteConnection connection, NodeEvent happened) =>
        connection.Execute(
            """
            INSERT INTO events(at, service, component, kind, severity, message, principal, operation, direct)
            VALUES($at, $service, $component, $kind, $severity, $message, $principal, $operation, $direct)
            """,
            ("$at", clock.Stamp()), ("$service", happened.Service), ("$component", happened.Component), ("$kind", happened.Kind),
            ("$severity", happened.Severity), ("$message", happened.Message), ("$principal", happened.Principal),
            ("$operation", happened.Operation), ("$direct", happened.Direct ? 1 : 0));

    /// <summary>Tells watchers to look again.</summary>
    public void Wake() => Interlocked.Exchange(ref _written, NewSignal()).TrySetResult();

    /// <summary>Actions that were done without the master and that it does not hold yet, oldest first.</summary>
    public IReadOnlyList<FleetEvent> DirectAfter(long id, int limit) =>
        database.Read(connection => connection.Query(Columns + " WHERE direct = 1 AND id > $id ORDER BY id LIMIT $limit", Map, ("$id", id), ("$limit", limit)));

    /// <summary>
    /// What there is, then (with <c>follow</c>) what comes, until the call ends. Calls and refusals are the audit and are told only when that is asked for.
    /// </summary>
    public async IAsyncEnumerable<FleetEvent> WatchAsync(EventsRequest request, [EnumeratorCancellation] CancellationToken ct)
    {
        const int page = 500;
        var last = database.Read(connection => Start(connection, request));
        while (true)
        {
            var signal = _written.Task;
            var from = last;
            var rows = database.Read(connection => connection.Query(
                $"{Columns} WHERE id > $after AND {Fits} ORDER BY id LIMIT $limit",
                Map, [("$after", from), ("$limit", page), .. Wanted(request)]));
            foreach (var row in rows)
            {
                last = (long)row.Id;
                yield return row;
            }
            if (rows.Count == page)
                continue;
            if (!request.Follow)
                yield break;
            await signal.WaitAsync(ct);
        }
    }

    /// <summary>Drops events older than <paramref name="retention"/> (the audit's after a year), except those the master still has to hear.</summary>
    public void Prune(TimeSpan retention, long reported)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        static string At(DateTime time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        database.Write(connection => connection.Execute(
            """
            DELETE FROM events WHERE (direct = 0 OR id <= $reported)
              AND ((principal = '' AND at < $old) OR at < $audit)
            """,
            ("$reported", reported), ("$old", At(now - retention)), ("$audit", At(now.AddDays(-366)))));
    }

    // The id after which is read. An event of the given id and another time, or none so high, is another history: this registry was restored or is a new one.
    private static long Start(SqliteConnection connection, EventsRequest request)
    {
        if (request.After > 0)
        {
            var after = (long)Math.Min(request.After, long.MaxValue);
            var highest = connection.Scalar<long>("SELECT coalesce(max(id), 0) FROM events");
            var at = connection.Scalar<string>("SELECT at FROM events WHERE id = $id", ("$id", after));
            return after <= highest && (at is null || request.AfterAt.Length == 0 || at == request.AfterAt)
                ? after
                : connection.Scalar<long>("SELECT coalesce(max(id), 0) FROM events WHERE at <= $at", ("$at", request.AfterAt));
        }
        return request.Tail == 0 ? 0 : connection.Scalar<long>(
            $"SELECT coalesce(min(id), 1) - 1 FROM (SELECT id FROM events WHERE {Fits} ORDER BY id DESC LIMIT $tail)",
            [("$tail", (long)Math.Min(request.Tail, 100_000)), .. Wanted(request)]);
    }

    private static (string Name, object? Value)[] Wanted(EventsRequest request) =>
    [
        // Compared as text with times that have milliseconds.
        ("$since", request.Since.TrimEnd('Z')), ("$service", request.Service), ("$audit", request.Audit ? 1 : 0),
    ];

    private FleetEvent Map(SqliteDataReader row) => new()
    {
        Id = (ulong)row.GetInt64(0),
        At = row.GetString(1),
        Node = node,
        Service = row.GetString(2),
        Component = row.GetString(3),
        Kind = row.GetString(4),
        Severity = row.GetString(5),
        Message = row.GetString(6),
        Principal = row.GetString(7),
        Operation = row.GetString(8),
        Direct = row.GetInt64(9) != 0,
    };

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>One thing that happened; its time is taken when it is written.</summary>
internal sealed record NodeEvent(string Kind, string Severity, string Message)
{
    public string Service { get; init; } = "";

    public string Component { get; init; } = "";

    public string Principal { get; init; } = "";

    public string Operation { get; init; } = "";

    /// <summary>An action without the master; it is sent on when the master is back.</summary>
    public bool Direct { get; init; }
}
