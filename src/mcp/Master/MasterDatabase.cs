using Mcp.Sqlite;

namespace Mcp.Master;

/// <summary>
/// The master's database. The stores beside it are functions over a connection, so that what belongs together is written in one
/// transaction: <c>database.Write(c => { PlacementStore.Put(c, …); DataRecordStore.Put(c, …); })</c>.
/// </summary>
internal static class MasterDatabase
{
    /// <summary>Every schema that ever was, oldest first.</summary>
    public static readonly IReadOnlyList<Migration> Migrations = [Migration.FromResource(1, "Master/schema.sql", minReader: 1)];

    /// <summary>Opens or creates the database at <paramref name="path"/>.</summary>
    /// <exception cref="Errors.McpException">Damaged, newer than this program, or owned by another user.</exception>
    public static Database Open(string path, TimeProvider clock) => Database.Open(path, Migrations, clock);
}
