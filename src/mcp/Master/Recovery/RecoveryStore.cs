using Mcp.Master.Identity;
using Mcp.Master.Reading;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Recovery;

/// <summary>The state of a master that was restored from an older copy of its database: which nodes it has not heard yet.</summary>
internal static class RecoveryStore
{
    /// <summary>
    /// Makes the database that of a restored master: its term is above every one that agents have obeyed under the copy, and every node that ever
    /// joined is to be heard before anything is changed. Called once, between putting the copy in place and the first start.
    /// </summary>
    /// <returns>The new term.</returns>
    public static ulong Begin(SqliteConnection connection, string at)
    {
        var term = FleetStore.RaiseTerm(connection);
        connection.Execute("INSERT OR IGNORE INTO recovery(node, since) SELECT name, $at FROM nodes WHERE joined_at IS NOT NULL", ("$at", at));
        EventStore.Add(connection, new FleetEvent
        {
            At = at,
            Kind = "restored",
            Severity = "warning",
            Message = $"this master was restored from a copy and lives in term {term}; it waits for {Awaited(connection).Count} nodes before it changes anything",
        });
        return term;
    }

    /// <summary>The nodes that are still to be heard, by name; empty: there is nothing to wait for.</summary>
    public static List<string> Awaited(SqliteConnection connection) => connection.Query("SELECT node FROM recovery ORDER BY node", r => r.GetString(0));

    /// <summary>A node is waited for no longer. Whether it was.</summary>
    public static bool Remove(SqliteConnection connection, string node) => connection.Execute("DELETE FROM recovery WHERE node = $node", ("$node", node)) > 0;
}
