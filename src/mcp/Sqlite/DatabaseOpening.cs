using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Mcp.Errors;
using Mcp.Files;
using Microsoft.Data.Sqlite;

namespace Mcp.Sqlite;

/// <summary>
/// How a role's database is opened. Every step can be killed and repeated:
/// 1 the library is new enough; 2 the file is ours (owner, header) or is created empty with mode 0600; 3 WAL and its companions;
/// 4 the file is sound (quick_check), since a damaged registry must never be taken for an empty one; 5 its schema is not newer than we can read;
/// 6 a copy <c>FILE.VERSION</c> is written before anything is migrated; 7 each migration is one transaction that also writes its row.
/// </summary>
internal static partial class DatabaseOpening
{
    /// <summary>
    /// SQLite 3.53.3: 3.7.0 to 3.51.2 have the WAL-reset corruption bug, and up to 3.53.2 a planted journal can make VACUUM INTO delete a file.
    /// </summary>
    public const int MinimumSqlite = 3_053_003;

    /// <summary>Per connection; foreign keys and the busy timeout come from the connection string.</summary>
    public const string ConnectionPragmas = "PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF;";

    private static ReadOnlySpan<byte> Header => "SQLite format 3\0"u8;

    /// <summary>See <see cref="Database.Open"/>.</summary>
    public static Database Open(string path, IReadOnlyList<Migration> migrations, TimeProvider clock)
    {
        AssertSqlite();
        PrepareFile(path);
        var connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = SqliteOpenMode.ReadWrite,
            ForeignKeys = true,
            DefaultTimeout = 5,
            // Database keeps its own connections open.
            Pooling = false,
        }.ToString();
        var writer = new WriterConnection(connectionString);
        try
        {
            writer.Open();
            writer.Execute("PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; " + ConnectionPragmas);
            if (writer.Scalar<string>("PRAGMA quick_check(1)") is var verdict && verdict != "ok")
                throw SqliteFault.Damaged(path, verdict ?? "quick_check gave no answer");
            Migrate(writer, path, migrations, clock);
            return new Database(path, writer, connectionString);
        }
        catch (SqliteException e)
        {
            writer.Dispose();
            throw SqliteFault.From(e, path);
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    /// <summary>Refuses a program whose SQLite has one of the known data-loss bugs.</summary>
    /// <exception cref="McpException">The linked library is too old.</exception>
    public static void AssertSqlite()
    {
        SQLitePCL.Batteries_V2.Init();
        var version = SQLitePCL.raw.sqlite3_libversion_number();
        if (version < MinimumSqlite)
            throw new McpException(FaultCode.Internal, $"this program was linked with SQLite {version}; at least {MinimumSqlite} is needed, older ones can lose data");
    }

    private static void PrepareFile(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        if (!Directory.Exists(folder))
            throw new McpException(FaultCode.NotFound, $"the folder {folder} of the database does not exist") { Hint = $"create it: install -d -m 0700 {folder}" };
        var file = new FileInfo(path);
        if (file.LinkTarget is not null)
            throw new McpException(FaultCode.FailedPrecondition, $"the database {path} is a symbolic link") { Hint = "name the file itself in [database] path" };
        if (!file.Exists)
        {
            using (new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = DurableFile.Secret }))
            {
                // Only the name and the mode: SQLite writes the first page in the first transaction.
            }
            DurableFile.SyncFolder(folder);
            return;
        }
        CheckOwner(path);
        if ((file.UnixFileMode & ~DurableFile.Secret) != 0)
            throw new McpException(FaultCode.FailedPrecondition, $"the database {path} can be read by others") { Hint = $"chmod 0600 {path}" };
        // An empty file is a first start that was killed; anything else must be a database.
        if (file.Length > 0)
            CheckHeader(path);
    }

    /// <summary>Refuses a file that is not a database, whatever a log beside it may still hold of its first page.</summary>
    /// <exception cref="McpException">It is damaged.</exception>
    public static void CheckHeader(string path)
    {
        Span<byte> start = stackalloc byte[16];
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        if (stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) < start.Length || !start.SequenceEqual(Header))
            throw SqliteFault.Damaged(path, "its first 16 bytes are not those of a SQLite database");
    }

    // A rootless agent that runs as another user than before would start from containers that it cannot see.
    private static void CheckOwner(string path)
    {
        // struct statx (statx(2)): stx_uid is the 32-bit word at offset 20.
        Span<byte> buffer = stackalloc byte[256];
        const int currentDirectory = -100;
        const uint basicStats = 0x7ff;
        if (Statx(currentDirectory, path, 0, basicStats, ref MemoryMarshal.GetReference(buffer)) != 0)
            throw new McpException(FaultCode.FailedPrecondition, $"the database {path} cannot be examined") { Cause = Marshal.GetLastPInvokeErrorMessage() };
        var owner = BinaryPrimitives.ReadUInt32LittleEndian(buffer[20..]);
        var self = Geteuid();
        if (owner != self)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the database {path} belongs to user id {owner}, but this process runs as {self}")
            {
                Cause = "containers of one user are invisible to another; starting now would orphan them",
                Hint = $"run as the owner (sudo -u '#{owner}' …), or give the files and the containers to this user on purpose: chown {self} {path}*",
            };
        }
    }

    private static void Migrate(SqliteConnection connection, string path, IReadOnlyList<Migration> migrations, TimeProvider clock)
    {
        var known = migrations[^1].Version;
        connection.Execute("""
            CREATE TABLE IF NOT EXISTS schema_version(
              version INTEGER PRIMARY KEY,   -- one row per applied migration
              min_reader INTEGER NOT NULL,   -- a program that knows less than this must not touch the database
              applied_at TEXT NOT NULL       -- RFC 3339 UTC
            ) STRICT
            """);
        var current = (int)connection.Scalar<long>("SELECT coalesce(max(version), 0) FROM schema_version");
        var minReader = (int)connection.Scalar<long>("SELECT coalesce(max(min_reader), 0) FROM schema_version");
        if (minReader > known)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the database {path} was written by a newer mcp (schema {current}, readable from {minReader}; this program knows {known})")
            {
                Hint = $"run the newer mcp, or restore the copy from before the upgrade ({path}.<version>)",
            };
        }
        if (current >= known)
            return;
        if (current > 0)
            Copy(connection, $"{path}.{current}");
        foreach (var migration in migrations.Where(m => m.Version > current))
        {
            using var transaction = connection.BeginTransaction(deferred: false);
            connection.Execute(migration.Sql);
            connection.Execute(
                "INSERT INTO schema_version(version, min_reader, applied_at) VALUES($version, $min, $at)",
                ("$version", migration.Version), ("$min", migration.MinReader),
                ("$at", clock.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)));
            transaction.Commit();
        }
    }

    /// <summary>Copies what <paramref name="connection"/> sees to <paramref name="copy"/>; killed or failed, what was there before is untouched.</summary>
    internal static void Copy(SqliteConnection connection, string copy)
    {
        var temporary = $"{copy}.tmp";
        File.Delete(temporary);
        try
        {
            connection.Execute("VACUUM INTO $file", ("$file", temporary));
            File.SetUnixFileMode(temporary, DurableFile.Secret);
            using (var stream = new FileStream(temporary, FileMode.Open, FileAccess.ReadWrite))
                stream.Flush(flushToDisk: true);
            File.Move(temporary, copy, overwrite: true);
        }
        catch
        {
            // Half a copy on a full disk would keep it full.
            File.Delete(temporary);
            throw;
        }
        DurableFile.SyncFolder(Path.GetDirectoryName(copy)!);
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, ref byte buffer);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint Geteuid();
}
