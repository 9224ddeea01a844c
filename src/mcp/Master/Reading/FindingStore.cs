using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Reading;

/// <summary>Findings that are noticed once and stay until somebody resolves them; the others are computed when asked for.</summary>
internal static class FindingStore
{
    /// <summary>Opens a finding, or gives an open one its latest words; its first time stays. Whether it is new.</summary>
    public static bool Open(SqliteConnection connection, Finding f)
    {
        var known = connection.Scalar<long>(
            "SELECT count(*) FROM findings WHERE kind = $kind AND node = $node AND service = $service", ("$kind", f.Kind), ("$node", f.Node), ("$service", f.Service)) > 0;
        connection.Execute(
            """
            INSERT INTO findings(kind, node, service, severity, message, command, since) VALUES($kind, $node, $service, $severity, $message, $command, $since)
            ON CONFLICT(kind, node, service) DO UPDATE SET severity = $severity, message = $message, command = $command
            """,
            ("$kind", f.Kind), ("$node", f.Node), ("$service", f.Service), ("$severity", f.Severity), ("$message", f.Message), ("$command", f.Command), ("$since", f.Since));
        return !known;
    }

    /// <summary>Closes the findings of a kind about a node or service; empty: any.</summary>
    public static void Close(SqliteConnection connection, string kind, string node = "", string service = "") =>
        connection.Execute(
            "DELETE FROM findings WHERE kind = $kind AND ($node = '' OR node = $node) AND ($service = '' OR service = $service)",
            ("$kind", kind), ("$node", node), ("$service", service));

    /// <summary>Closes exactly one finding.</summary>
    public static void CloseOne(SqliteConnection connection, string kind, string node, string service) =>
        connection.Execute("DELETE FROM findings WHERE kind = $kind AND node = $node AND service = $service", ("$kind", kind), ("$node", node), ("$service", service));

    /// <summary>All that are open.</summary>
    public static List<Finding> All(SqliteConnection connection) =>
        connection.Query(
            "SELECT kind, node, service, severity, message, command, since FROM findings ORDER BY since",
            r => new Finding
            {
                Kind = r.GetString(0),
                Node = r.GetString(1),
                Service = r.GetString(2),
                Severity = r.GetString(3),
                Message = r.GetString(4),
                Command = r.GetString(5),
                Since = r.GetString(6),
            });
}
