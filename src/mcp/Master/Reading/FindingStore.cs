using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Reading;

/// <summary>What a finding is about; there is one open finding for each.</summary>
internal readonly record struct FindingKey(string Kind, string Node, string Service)
{
    /// <summary>The key of a finding.</summary>
    public static FindingKey Of(Finding finding) => new(finding.Kind, finding.Node, finding.Service);
}

/// <summary>A finding as the ledger has it; see <c>findings</c> in schema.sql.</summary>
/// <param name="Finding">As it is shown.</param>
/// <param name="Noticed">Noticed once by whoever met it, and closed by whoever resolves it; false: computed at each look.</param>
/// <param name="Seen">When it was last noticed; RFC 3339.</param>
/// <param name="Told">Its opening is among the events, and was handed to the alerts.</param>
/// <param name="Over">It is resolved, and that is still to be told.</param>
internal sealed record FindingRow(Finding Finding, bool Noticed, string Seen, bool Told, bool Over)
{
    /// <summary>What it is about.</summary>
    public FindingKey Key => FindingKey.Of(Finding);
}

/// <summary>The findings that are open, with the time at which each opened.</summary>
internal static class FindingStore
{
    private const string Columns = "kind, node, service, severity, message, command, since, noticed, seen, told, over";

    /// <summary>Opens a noticed finding, or gives an open one its latest words; the time at which it opened stays.</summary>
    public static void Open(SqliteConnection connection, Finding f) => Put(connection, f, noticed: true);

    /// <summary>Opens a computed finding, or gives an open one its latest words; the time at which it opened stays.</summary>
    public static void OpenComputed(SqliteConnection connection, Finding f) => Put(connection, f, noticed: false);

    /// <summary>Closes the noticed findings of a kind about a node or service; empty: any. The ledger tells of it and removes the rows.</summary>
    public static void Close(SqliteConnection connection, string kind, string node = "", string service = "") =>
        connection.Execute(
            "UPDATE findings SET over = 1 WHERE kind = $kind AND ($node = '' OR node = $node) AND ($service = '' OR service = $service)",
            ("$kind", kind), ("$node", node), ("$service", service));

    /// <summary>Closes exactly one finding.</summary>
    public static void CloseOne(SqliteConnection connection, FindingKey key) =>
        connection.Execute("UPDATE findings SET over = 1 WHERE kind = $kind AND node = $node AND service = $service", Of(key));

    /// <summary>Its opening was told.</summary>
    public static void Told(SqliteConnection connection, FindingKey key) =>
        connection.Execute("UPDATE findings SET told = 1 WHERE kind = $kind AND node = $node AND service = $service", Of(key));

    /// <summary>Its end was told; nothing is left of it but events.</summary>
    public static void Remove(SqliteConnection connection, FindingKey key) =>
        connection.Execute("DELETE FROM findings WHERE kind = $kind AND node = $node AND service = $service", Of(key));

    /// <summary>All that are open, the oldest first.</summary>
    public static List<Finding> All(SqliteConnection connection) => [.. Rows(connection).Where(r => !r.Over).Select(r => r.Finding)];

    /// <summary>Every row, the oldest first.</summary>
    public static List<FindingRow> Rows(SqliteConnection connection) =>
        connection.Query(
            $"SELECT {Columns} FROM findings ORDER BY since, kind, node, service",
            r => new FindingRow(
                new Finding
                {
                    Kind = r.GetString(0),
                    Node = r.GetString(1),
                    Service = r.GetString(2),
                    Severity = r.GetString(3),
                    Message = r.GetString(4),
                    Command = r.GetString(5),
                    Since = r.GetString(6),
                },
                r.GetInt64(7) != 0, r.GetString(8), r.GetInt64(9) != 0, r.GetInt64(10) != 0));

    // One that was resolved and comes back before its end was told has never been away, as far as anybody heard.
    private static void Put(SqliteConnection connection, Finding f, bool noticed) =>
        connection.Execute(
            $"""
            INSERT INTO findings({Columns}) VALUES($kind, $node, $service, $severity, $message, $command, $since, $noticed, $since, 0, 0)
            ON CONFLICT(kind, node, service) DO UPDATE SET severity = $severity, message = $message, command = $command, seen = $since, over = 0
            """,
            ("$kind", f.Kind), ("$node", f.Node), ("$service", f.Service), ("$severity", f.Severity), ("$message", f.Message), ("$command", f.Command),
            ("$since", f.Since), ("$noticed", noticed));

    private static (string, object?)[] Of(FindingKey key) => [("$kind", key.Kind), ("$node", key.Node), ("$service", key.Service)];
}
