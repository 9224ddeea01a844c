using Google.Protobuf;
using Mcp.Archive;
using Mcp.Native;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Confinement.Work;

/// <summary>
/// The SQLite databases of a tree that nobody uses yet, known by their header. Each must pass <c>integrity_check</c>. One with its own log or
/// journal beside it (an archive that some tar made of a stopped service) is opened as its service would open it, so that what stands there
/// counts; every other one is opened as it lies and not changed by a byte.
/// </summary>
internal static class StagedDatabases
{
    private static readonly string[] Companions = ["-wal", "-journal", "-shm"];

    private static ReadOnlySpan<byte> Header => "SQLite format 3\0"u8;

    /// <summary>
    /// Removes logs and journals beside databases that the sender copied consistently: they belong to the original, and applied to the copy they
    /// would destroy it.
    /// </summary>
    public static void DropJournals(Folder tree, IEnumerable<DatabaseCopy> copies)
    {
        foreach (var copy in copies)
        {
            // The path comes from the other side: what is no name of an entry is no copy in this archive either.
            var name = copy.Path.ToByteArray();
            if (name.Length == 0 || EntryName.Problem(name) is not null)
                continue;
            try
            {
                using var folder = EntryName.Parent(name) is { Length: > 0 } parent ? tree.OpenFolder(parent) : tree.OpenFolder("."u8);
                DropCompanions(folder, EntryName.Leaf(name));
            }
            catch (PathFault e) when (e.Error is PathFault.NotFound or PathFault.NotAFolder or PathFault.Link)
            {
                // There is no such folder in the tree: nothing to drop.
            }
        }
    }

    /// <summary>Removes logs and journals beside one database.</summary>
    public static void DropCompanions(Folder folder, ReadOnlySpan<byte> database)
    {
        foreach (var ending in Companions)
            folder.Remove([.. database, .. System.Text.Encoding.ASCII.GetBytes(ending)]);
    }

    /// <summary>Whether the file begins as a SQLite database does.</summary>
    public static bool IsDatabase(SafeFileHandle file)
    {
        Span<byte> start = stackalloc byte[16];
        return RandomAccess.Read(file, start, 0) == start.Length && start.SequenceEqual(Header);
    }

    /// <summary>Checks every database.</summary>
    /// <exception cref="ArchiveException">One is damaged.</exception>
    public static IReadOnlyList<DatabaseCopy> Check(Folder tree, CancellationToken cancellation)
    {
        var found = new List<DatabaseCopy>();
        Walk(tree, [], found, cancellation);
        return found;
    }

    private static void Walk(Folder folder, byte[] path, List<DatabaseCopy> found, CancellationToken cancellation)
    {
        foreach (var name in folder.Names())
        {
            cancellation.ThrowIfCancellationRequested();
            byte[] full = path.Length == 0 ? name : [.. path, (byte)'/', .. name];
            var status = folder.StatusOf(name);
            if (status.IsFolder)
            {
                using var inner = folder.OpenFolder(name);
                Walk(inner, full, found, cancellation);
            }
            else if (status.IsFile && status.Size > 0)
            {
                using var file = folder.OpenFile(name);
                if (IsDatabase(file))
                    found.Add(CheckOne(folder, name, full, file, status.Size));
            }
        }
    }

    private static DatabaseCopy CheckOne(Folder folder, byte[] name, byte[] full, SafeFileHandle file, long size)
    {
        var alone = !Has(folder, name, "-wal") && !Has(folder, name, "-journal");
        try
        {
            using var connection = Open(file, alone);
            return new DatabaseCopy { Path = ByteString.CopyFrom(full), Bytes = (ulong)size, Method = "file", NotChecked = Verdict(connection, full) };
        }
        catch (SqliteException e)
        {
            throw new ArchiveException($"is a SQLite database that cannot be read ({Printable.Line(e.Message, 200)})", full, e);
        }
        finally
        {
            // The memory of the log that was read: whoever opens the database makes it anew.
            if (!alone)
                folder.Remove([.. name, .. "-shm"u8]);
        }
    }

    // By its descriptor: its name may be no text. SQLite follows the link to the real name, beside which it finds the log.
    private static SqliteConnection Open(SafeFileHandle file, bool alone)
    {
        var path = $"file:/proc/self/fd/{file.DangerousGetHandle()}";
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = alone ? path + "?immutable=1" : path,
            Mode = alone ? SqliteOpenMode.ReadOnly : SqliteOpenMode.ReadWrite,
            Pooling = false,
            DefaultTimeout = 5,
        }.ToString());
        try
        {
            connection.Open();
            if (!alone)
            {
                // What the log holds stays in the log, as it came.
                const int noCheckpointOnClose = 1006;
                SQLitePCL.raw.sqlite3_db_config(connection.Handle, noCheckpointOnClose, 1, out _);
            }
            connection.Execute("PRAGMA trusted_schema=OFF");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    // Empty: all of it was checked; else what could not be.
    private static string Verdict(SqliteConnection connection, byte[] full)
    {
        try
        {
            Require(connection, "PRAGMA integrity_check(3)", full);
            return "";
        }
        catch (SqliteException e) when (IsOfTheApplication(e))
        {
            // One table with a collation or module of the application's own stops the check of all: so each for itself.
            var left = new List<string>();
            foreach (var table in connection.Query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", row => row.GetString(0)))
            {
                try
                {
                    Require(connection, $"PRAGMA integrity_check(\"{table.Replace("\"", "\"\"", StringComparison.Ordinal)}\")", full);
                }
                catch (SqliteException inner) when (IsOfTheApplication(inner))
                {
                    left.Add($"{Printable.Line(table, 80)} ({Printable.Line(inner.Message, 120)})");
                }
            }
            return string.Join(", ", left.Take(20));
        }
    }

    private static void Require(SqliteConnection connection, string pragma, byte[] full)
    {
        var verdict = connection.Query(pragma, row => row.GetString(0));
        if (verdict is not ["ok"])
            throw new ArchiveException($"is a damaged SQLite database ({Printable.Line(string.Join("; ", verdict), 300)})", full);
    }

    // SQLITE_ERROR with one of these is a gap in this program's knowledge, not in the data.
    private static bool IsOfTheApplication(SqliteException e) => e.SqliteErrorCode == 1 &&
        (e.Message.Contains("no such collation", StringComparison.Ordinal) || e.Message.Contains("no such module", StringComparison.Ordinal) ||
        e.Message.Contains("no such function", StringComparison.Ordinal) || e.Message.Contains("unknown function", StringComparison.Ordinal));

    private static bool Has(Folder folder, byte[] name, string ending) => folder.TryStatusOf([.. name, .. System.Text.Encoding.ASCII.GetBytes(ending)]) is { IsFile: true, Size: > 0 };
}
