using System.Collections.Concurrent;
using Mcp.Errors;
using Microsoft.Data.Sqlite;

namespace Mcp.Sqlite;

/// <summary>
/// One role's database: WAL, foreign keys on, synchronous FULL (in WAL mode the default NORMAL may lose the last commits at a power
/// cut), one writer at a time inside the process and 5 s of patience with others. Opened by <see cref="DatabaseOpening"/>.
/// Reads never wait for the writer; their connections are kept open, since opening one costs more than most reads.
/// </summary>
internal sealed class Database : IDisposable
{
    // As many reads at once are common; each keeps up to 2 MB of pages.
    private const int KeptReaders = 4;

    private readonly SqliteConnection _writer;
    private readonly Lock _writing = new();
    private readonly ConcurrentBag<SqliteConnection> _readers = [];
    private readonly string _connectionString;
    private long _changes;
    private volatile bool _closed;

    // Completed and replaced at every commit: a follower takes the current one, reads what there is, then waits for it.
    private volatile TaskCompletionSource _committed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal Database(string path, SqliteConnection writer, string connectionString)
    {
        Path = path;
        _writer = writer;
        _connectionString = connectionString;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Counts the transactions that this process has committed.</summary>
    public long Changes => Interlocked.Read(ref _changes);

    /// <summary>Ends with the next commit of this process. Taken before reading, it tells that there may be more to read.</summary>
    public Task NextCommit => _committed.Task;

    /// <summary>Opens or creates the database at <paramref name="path"/> and brings its schema up to date.</summary>
    /// <exception cref="McpException">Damaged, foreign, newer than this program, owned by somebody else, or the disk is full.</exception>
    public static Database Open(string path, IReadOnlyList<Migration> migrations, TimeProvider clock) =>
        DatabaseOpening.Open(System.IO.Path.GetFullPath(path), migrations, clock);

    /// <summary>Runs <paramref name="read"/> on one consistent view of the database.</summary>
    /// <exception cref="McpException">The database is damaged, busy or unreadable.</exception>
    public T Read<T>(Func<SqliteConnection, T> read)
    {
        SqliteConnection? connection = null;
        try
        {
            if (!_readers.TryTake(out connection))
                connection = OpenReader();
            T result;
            using (connection.BeginTransaction(deferred: true))
                result = read(connection);
            GiveBack(connection);
            connection = null;
            return result;
        }
        catch (SqliteException e)
        {
            throw SqliteFault.From(e, Path);
        }
        finally
        {
            // Only whole reads give their connection back: whatever went wrong, it does not meet the next reader.
            connection?.Dispose();
        }
    }

    /// <summary>Runs <paramref name="write"/> in one immediate transaction; it is durable when this returns, and undone when it throws.</summary>
    /// <exception cref="McpException">The database is damaged, busy, read-only, or the disk is full.</exception>
    public T Write<T>(Func<SqliteConnection, T> write)
    {
        lock (_writing)
        {
            try
            {
                using var transaction = _writer.BeginTransaction(deferred: false);
                var result = write(_writer);
                transaction.Commit();
                Interlocked.Increment(ref _changes);
                Interlocked.Exchange(ref _committed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
                return result;
            }
            catch (SqliteException e)
            {
                throw SqliteFault.From(e, Path);
            }
        }
    }

    /// <summary>As <see cref="Write{T}"/>, without a result.</summary>
    public void Write(Action<SqliteConnection> write) =>
        Write<object?>(connection =>
        {
            write(connection);
            return null;
        });

    /// <summary>Brings what only the log holds into the file itself, as far as readers allow: a log that is lost then takes less with it.</summary>
    /// <exception cref="McpException">The disk is full or failing.</exception>
    public void Checkpoint()
    {
        try
        {
            using var connection = new SqliteConnection(_connectionString);
            connection.Open();
            connection.Execute(DatabaseOpening.ConnectionPragmas + "PRAGMA wal_checkpoint(PASSIVE)");
        }
        catch (SqliteException e)
        {
            throw SqliteFault.From(e, Path);
        }
    }

    /// <summary>Writes a consistent copy of the whole database to <paramref name="path"/>, mode 0600, over what was there; writers do not wait for it.</summary>
    /// <exception cref="McpException">The database is damaged or unreadable, or the disk is full; what was at <paramref name="path"/> is untouched.</exception>
    public void CopyTo(string path)
    {
        try
        {
            using var connection = new SqliteConnection(_connectionString);
            connection.Open();
            DatabaseOpening.Copy(connection, path);
        }
        catch (SqliteException e)
        {
            throw SqliteFault.From(e, Path);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _closed = true;
        lock (_writing)
            _writer.Dispose();
        while (_readers.TryTake(out var reader))
            reader.Dispose();
    }

    private SqliteConnection OpenReader()
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            connection.Open();
            connection.Execute(DatabaseOpening.ConnectionPragmas);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void GiveBack(SqliteConnection connection)
    {
        if (_closed || _readers.Count >= KeptReaders)
            connection.Dispose();
        else
            _readers.Add(connection);
        // A read that ended while the database was being closed.
        if (_closed && _readers.TryTake(out var late))
            late.Dispose();
    }
}
