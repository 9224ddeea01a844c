using Microsoft.Win32.SafeHandles;

namespace Mcp.Sqlite.Copies;

/// <summary>
/// <c>PRAGMA integrity_check</c> of a database that nobody else touches: the copy that an export made, and what came with an archive. It fails as a whole where an index
/// needs a collation or function of the application; then each table is checked by itself, and those that still cannot be are named: their pages were copied like all
/// others, only nobody could compare them with their indexes.
/// </summary>
internal static class DatabaseCheck
{
    /// <summary>Checks an open file.</summary>
    /// <param name="file">The database.</param>
    /// <param name="alone">
    /// No log and no journal lies beside it, and it is not changed by a byte. Otherwise it is opened as its service would open it, so that what stands there counts; a log
    /// stays as it came.
    /// </param>
    /// <returns>What could not be checked, in words; empty: all was.</returns>
    /// <exception cref="DamagedDatabaseException">It is damaged.</exception>
    public static string Run(SafeFileHandle file, bool alone) => Begin(file, alone)();

    /// <summary>As <see cref="Run"/>, in two parts: the file is opened now, and if it is <paramref name="alone"/>, its owner may close and unlink it as soon as this returns.</summary>
    /// <returns>The check itself, to be run once, by any thread.</returns>
    /// <exception cref="DamagedDatabaseException">It cannot even be opened as a database.</exception>
    public static Func<string> Begin(SafeFileHandle file, bool alone)
    {
        var database = Guard(() => SqliteHandle.OpenOwn(file, alone));
        return () =>
        {
            using (database)
                return Guard(() => Check(database));
        };
    }

    private static string Check(SqliteHandle database)
    {
        try
        {
            Judge(database.Text("PRAGMA integrity_check(1)"));
            return "";
        }
        catch (CopyFault e) when (e.IsOfTheApplication)
        {
            return CheckTables(database);
        }
    }

    private static T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (CopyFault e)
        {
            throw new DamagedDatabaseException(e.Message, e);
        }
    }

    private static string CheckTables(SqliteHandle database)
    {
        var unchecked_ = new List<string>();
        foreach (var table in database.Texts("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'").ToList())
        {
            try
            {
                Judge(database.Text($"PRAGMA integrity_check('{table.Replace("'", "''", StringComparison.Ordinal)}')"));
            }
            catch (CopyFault e) when (e.IsOfTheApplication)
            {
                if (unchecked_.Count < 20)
                    unchecked_.Add($"{table}: {e.Message}");
            }
        }
        return string.Join("; ", unchecked_);
    }

    private static void Judge(string? verdict)
    {
        if (verdict != "ok")
            throw new DamagedDatabaseException(verdict ?? "integrity_check gave no answer");
    }
}

/// <summary>A database that is not sound.</summary>
internal sealed class DamagedDatabaseException(string message, Exception? inner = null) : Exception(message, inner);
