using Microsoft.Data.Sqlite;

namespace Mcp.Sqlite;

/// <summary>
/// All rows of a table as objects, read again only when the table changed: reading and parsing ten thousand of them takes longer than all that is
/// done with them. Whether it changed is told by the view of the reader itself (<c>table_revisions</c>, moved by triggers in the transaction that
/// changes a row), so what is given belongs to that view. The objects are shared: nobody may change one.
/// </summary>
/// <param name="table">One with triggers for it in the schema.</param>
/// <param name="read">Reads all of it.</param>
internal sealed class KeptRows<T>(string table, Func<SqliteConnection, List<T>> read)
{
    private volatile Kept? _kept;

    /// <summary>The rows as <paramref name="connection"/> sees them.</summary>
    public IReadOnlyList<T> Of(SqliteConnection connection)
    {
        var revision = connection.Scalar<long>("SELECT revision FROM table_revisions WHERE name = $name", ("$name", table));
        if (_kept is { } kept && kept.Revision == revision)
            return kept.Rows;
        var rows = read(connection);
        _kept = new Kept(revision, rows);
        return rows;
    }

    private sealed record Kept(long Revision, List<T> Rows);
}
