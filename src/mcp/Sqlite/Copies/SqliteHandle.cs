using System.Text;
using Microsoft.Win32.SafeHandles;
using SQLitePCL;

namespace Mcp.Sqlite.Copies;

/// <summary>
/// A connection to somebody else's database. SQLite itself and not the ADO provider: names of files are bytes, and the backup interface takes connections.
/// Nothing in its schema is trusted: functions with effects do not run from triggers, views, indexes and defaults.
/// </summary>
internal sealed class SqliteHandle : IDisposable
{
    /// <summary>Open for reading alone.</summary>
    public const int ReadOnly = raw.SQLITE_OPEN_READONLY;

    /// <summary>Open for reading and writing; the file is made where there is none.</summary>
    public const int ReadWrite = raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE;

    // SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE.
    private const int NoCheckpointOnClose = 1006;

    private const int OneThread = raw.SQLITE_OPEN_NOMUTEX | raw.SQLITE_OPEN_PRIVATECACHE;

    // Links on the way are refused.
    private const int NoFollow = 0x01000000;

    private readonly sqlite3 _connection;

    private SqliteHandle(sqlite3 connection) => _connection = connection;

    internal sqlite3 Connection => _connection;

    /// <summary>Opens a file.</summary>
    /// <param name="path">Absolute, bytes.</param>
    /// <param name="flags"><see cref="ReadOnly"/> or <see cref="ReadWrite"/>.</param>
    /// <param name="patience">How long a lock of somebody else is waited for.</param>
    /// <exception cref="CopyFault">It cannot be opened.</exception>
    public static SqliteHandle Open(ReadOnlySpan<byte> path, int flags, TimeSpan patience) => Open(path, flags | NoFollow, patience, uri: false);

    /// <summary>
    /// Opens a file that is ours alone, by its descriptor: its name may be no text, and this one is the very file that was looked at. SQLite follows the link to the
    /// real name, beside which it finds log and journal.
    /// </summary>
    /// <param name="file">Open until this returns. Without <paramref name="alone"/> its name must stay as long as this is open: log and journal lie beside it.</param>
    /// <param name="alone">Neither lies beside it: no locks, and no file is made there.</param>
    /// <exception cref="CopyFault">It cannot be opened.</exception>
    public static SqliteHandle OpenOwn(SafeFileHandle file, bool alone)
    {
        var path = $"/proc/self/fd/{file.DangerousGetHandle()}";
        var handle = alone
            ? Open(Encoding.ASCII.GetBytes($"file:{path}?immutable=1"), ReadOnly, TimeSpan.Zero, uri: true)
            : Open(Encoding.ASCII.GetBytes(path), ReadWrite, TimeSpan.FromSeconds(5), uri: false);
        // What the log holds stays in the log.
        raw.sqlite3_db_config(handle._connection, NoCheckpointOnClose, 1, out _);
        return handle;
    }

    private static SqliteHandle Open(ReadOnlySpan<byte> path, int flags, TimeSpan patience, bool uri)
    {
        Batteries_V2.Init();
        var result = raw.sqlite3_open_v2(utf8z.FromSpan((byte[])[.. path, 0]), out var connection, flags | OneThread | (uri ? raw.SQLITE_OPEN_URI : 0), utf8z.FromString(null));
        var handle = new SqliteHandle(connection);
        try
        {
            handle.Check(result);
            raw.sqlite3_extended_result_codes(connection, 1);
            raw.sqlite3_busy_timeout(connection, (int)patience.TotalMilliseconds);
            // 8 MiB of pages, and none mapped: what is mapped of a file that its owner cuts short ends the process.
            handle.Execute("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA cache_size=-8192");
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Runs statements without a result.</summary>
    /// <exception cref="CopyFault">SQLite refused.</exception>
    public void Execute(string sql) => Check(raw.sqlite3_exec(_connection, sql));

    /// <summary>The first column of the first row; null: no row.</summary>
    /// <exception cref="CopyFault">SQLite refused.</exception>
    public string? Text(string sql)
    {
        foreach (var text in Texts(sql))
            return text;
        return null;
    }

    /// <summary>The first column of the first row as a number; 0: no row.</summary>
    /// <exception cref="CopyFault">SQLite refused.</exception>
    public long Number(string sql) => long.TryParse(Text(sql), System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : 0;

    /// <summary>The first column of every row.</summary>
    /// <exception cref="CopyFault">SQLite refused.</exception>
    public IEnumerable<string> Texts(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_connection, sql, out var statement));
        using (statement)
        {
            int result;
            while ((result = raw.sqlite3_step(statement)) == raw.SQLITE_ROW)
                yield return raw.sqlite3_column_text(statement, 0).utf8_to_string();
            if (result != raw.SQLITE_DONE)
                Check(result);
        }
    }

    /// <summary>Turns a result code into the fault that it is.</summary>
    /// <exception cref="CopyFault">It is not OK.</exception>
    public void Check(int result)
    {
        if (result != raw.SQLITE_OK)
            throw new CopyFault(raw.sqlite3_extended_errcode(_connection) is var extended && (extended & 0xff) == (result & 0xff) ? extended : result, raw.sqlite3_errmsg(_connection).utf8_to_string());
    }

    /// <inheritdoc/>
    public void Dispose() => raw.sqlite3_close_v2(_connection);
}
