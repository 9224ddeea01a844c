using Google.Protobuf;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Snapshots;

/// <summary>How far a restore in place is; see <c>restores</c> in schema.sql.</summary>
internal sealed record RestoreRow
{
    /// <summary>Its operation.</summary>
    public required string Operation { get; init; }

    /// <summary>Whose data.</summary>
    public required string Service { get; init; }

    /// <summary>Where.</summary>
    public required string Node { get; init; }

    /// <summary>Which snapshot.</summary>
    public required string Filename { get; init; }

    /// <summary>"begun", "imported" or "reverting".</summary>
    public string State { get; init; } = "begun";

    /// <summary>Counts the imports; 0: none was begun, so there is nothing to take back.</summary>
    public int Attempt { get; init; }

    /// <summary>Where the node keeps the data of before.</summary>
    public string Aside { get; init; } = "";

    /// <summary>Of a reverting one: what failed.</summary>
    public ErrorDetail? Failure { get; init; }
}

/// <summary>The journal of restores in place.</summary>
internal static class RestoreStore
{
    /// <summary>Adds or replaces a row.</summary>
    public static void Put(SqliteConnection connection, RestoreRow row) => connection.Execute(
        """
        INSERT OR REPLACE INTO restores(operation, service, node, filename, state, attempt, aside, failure)
        VALUES($operation, $service, $node, $filename, $state, $attempt, $aside, $failure)
        """,
        ("$operation", row.Operation), ("$service", row.Service), ("$node", row.Node), ("$filename", row.Filename), ("$state", row.State),
        ("$attempt", (long)row.Attempt), ("$aside", row.Aside), ("$failure", row.Failure?.ToByteArray()));

    /// <summary>The row of an operation, or null.</summary>
    public static RestoreRow? Find(SqliteConnection connection, string operation) => connection.QueryFirst(
        "SELECT operation, service, node, filename, state, attempt, aside, failure FROM restores WHERE operation = $operation", Map, ("$operation", operation));

    /// <summary>Those that have not ended: whose archives must stay.</summary>
    public static List<RestoreRow> All(SqliteConnection connection) =>
        connection.Query("SELECT operation, service, node, filename, state, attempt, aside, failure FROM restores", Map);

    /// <summary>It has ended.</summary>
    public static void Remove(SqliteConnection connection, string operation) => connection.Execute("DELETE FROM restores WHERE operation = $operation", ("$operation", operation));

    private static RestoreRow Map(SqliteDataReader r) => new()
    {
        Operation = r.GetString(0),
        Service = r.GetString(1),
        Node = r.GetString(2),
        Filename = r.GetString(3),
        State = r.GetString(4),
        Attempt = (int)r.GetInt64(5),
        Aside = r.GetString(6),
        Failure = r.IsDBNull(7) ? null : ErrorDetail.Parser.ParseFrom(r.Blob(7)),
    };
}
