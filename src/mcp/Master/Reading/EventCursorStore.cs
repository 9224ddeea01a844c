using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Reading;

/// <summary>How far each agent's events were taken.</summary>
/// <param name="Last">The agent's id of the last one.</param>
/// <param name="At">The agent's time of it.</param>
internal sealed record EventCursor(ulong Last, string At);

/// <summary>The cursors; written in the transaction that stores the event.</summary>
internal static class EventCursorStore
{
    /// <summary>The node's; null: nothing was ever taken from it.</summary>
    public static EventCursor? Find(SqliteConnection connection, string node) => connection.QueryFirst(
        "SELECT last, at FROM event_cursors WHERE node = $node", row => new EventCursor((ulong)row.GetInt64(0), row.GetString(1)), ("$node", node));

    /// <summary>Moves it.</summary>
    public static void Put(SqliteConnection connection, string node, EventCursor cursor) => connection.Execute(
        "INSERT OR REPLACE INTO event_cursors(node, last, at) VALUES($node, $last, $at)", ("$node", node), ("$last", (long)cursor.Last), ("$at", cursor.At));
}
