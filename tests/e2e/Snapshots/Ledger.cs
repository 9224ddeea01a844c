using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;

namespace Mcp.EndToEnd.Snapshots;

/// <summary>
/// A writer as services are: numbered rows with checksums, each committed by itself into a database with a write-ahead log, checkpoints forced every so often, and every
/// commit acknowledged outside the database. What was acknowledged before a copy began must be in the copy.
/// The database holds the last <see cref="Window"/> rows, each in the place of an older one, so it stays as large as it was however long it is written to.
/// </summary>
internal sealed class Ledger : IAsyncDisposable
{
    private const int RowsBetweenCheckpoints = 300;

    /// <summary>How many rows it keeps.</summary>
    private const int Window = 20_000;

    private readonly CancellationTokenSource _end = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly List<double> _commits = [];
    private readonly Task _writing;
    private long _acknowledged;
    private volatile bool _timed;

    private Ledger(SqliteConnection connection) => _writing = Task.Factory.StartNew(() => Write(connection), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>The number of the last row whose commit returned.</summary>
    public long Acknowledged => Interlocked.Read(ref _acknowledged);

    /// <summary>Whether the commits from here on count in the times: only those beside a copy tell whether it holds them up.</summary>
    public bool IsTimed
    {
        get => _timed;
        set => _timed = value;
    }

    /// <summary>Makes the database, as large as <paramref name="megabytes"/> say, and begins to write.</summary>
    public static Ledger Begin(string path, int megabytes)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = 30 }.ToString());
        connection.Open();
        Execute(connection, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE row(place INTEGER PRIMARY KEY, n INTEGER NOT NULL, body TEXT NOT NULL, sum TEXT NOT NULL); CREATE INDEX by_sum ON row(sum); CREATE TABLE ballast(bytes BLOB)");
        Execute(connection, $"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {megabytes}) INSERT INTO ballast SELECT randomblob(1000000) FROM c; PRAGMA wal_checkpoint(TRUNCATE)");
        return new Ledger(connection);
    }

    /// <summary>Ends the writing: rows, rows a second, and how long the timed commits took, in milliseconds.</summary>
    public async Task<(long Rows, double PerSecond, double P99, double Longest)> EndAsync()
    {
        await _end.CancelAsync();
        await _writing;
        var sorted = _commits.Order().ToList();
        return (Acknowledged, Acknowledged / _clock.Elapsed.TotalSeconds, sorted[(int)(sorted.Count * 0.99)], sorted[^1]);
    }

    /// <summary>What is wrong with a copy; empty: it is whole and holds at least the rows up to <paramref name="acknowledged"/>.</summary>
    public static string Judge(string copy, long acknowledged)
    {
        try
        {
            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = copy, Pooling = false }.ToString());
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA integrity_check(1)";
            if (command.ExecuteScalar() as string is var verdict && verdict != "ok")
                return $"torn: {verdict}";
            command.CommandText = "SELECT n, body, sum FROM row ORDER BY n";
            using var reader = command.ExecuteReader();
            var (first, next) = (0L, 0L);
            for (; reader.Read(); next++)
            {
                if (first == 0)
                    first = next = reader.GetInt64(0);
                if (reader.GetInt64(0) != next || Sum(next, reader.GetString(1)) != reader.GetString(2))
                    return $"row {next} is missing or wrong";
            }
            if (first != Math.Max(1, next - Window))
                return $"rows {Math.Max(1, next - Window)} to {first - 1} are missing";
            return next - 1 >= acknowledged ? "" : $"lost: rows up to {next - 1}, but {acknowledged} were acknowledged";
        }
        catch (SqliteException e)
        {
            return $"torn: {e.Message}";
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _writing;
        _end.Dispose();
    }

    private void Write(SqliteConnection connection)
    {
        using (connection)
        using (var insert = connection.CreateCommand())
        {
            insert.CommandText = "INSERT OR REPLACE INTO row(place, n, body, sum) VALUES($place, $n, $body, $sum)";
            var (place, n) = (insert.Parameters.Add("$place", SqliteType.Integer), insert.Parameters.Add("$n", SqliteType.Integer));
            var (body, sum) = (insert.Parameters.Add("$body", SqliteType.Text), insert.Parameters.Add("$sum", SqliteType.Text));
            for (var i = 1L; !_end.IsCancellationRequested; i++)
            {
                var text = Convert.ToHexString(RandomNumberGenerator.GetBytes(40 + (int)(i % 100)));
                (place.Value, n.Value, body.Value, sum.Value) = (i % Window, i, text, Sum(i, text));
                var began = Stopwatch.GetTimestamp();
                insert.ExecuteNonQuery();
                if (_timed)
                    _commits.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                Interlocked.Exchange(ref _acknowledged, i);
                // Not FULL or TRUNCATE with patience: waiting for readers there is the writer's own choice.
                if (i % RowsBetweenCheckpoints == 0)
                    Execute(connection, "PRAGMA wal_checkpoint(PASSIVE)");
                // Some thousand rows a second are enough.
                if (i % 20 == 0)
                    Thread.Sleep(1);
            }
        }
    }

    private static string Sum(long n, string body) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(n.ToString(CultureInfo.InvariantCulture) + ":" + body)));

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
