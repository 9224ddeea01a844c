using System.Threading.Channels;
using Mcp.Errors;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.Transport;

namespace Mcp.Master.Identity;

/// <summary>
/// Writes the audit. Calls only queue: a flood of denials must not make every caller wait for the disk. One writer takes what is queued
/// in one transaction. When the queue is full, entries are counted and the count is written: nothing is lost in silence.
/// </summary>
internal sealed partial class AuditTrail : IAuditSink, IAsyncDisposable
{
    private const int QueueLength = 10_000, BatchLength = 500;

    private readonly Channel<AuditEntry> _queue = Channel.CreateBounded<AuditEntry>(new BoundedChannelOptions(QueueLength) { SingleReader = true });
    private readonly Database _database;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly Task _writer;
    private long _lost;

    /// <summary>Starts the writer.</summary>
    public AuditTrail(Database database, TimeProvider clock, ILogger<AuditTrail> log)
    {
        (_database, _clock, _log) = (database, clock, log);
        _writer = Task.Run(WriteAsync);
    }

    /// <inheritdoc/>
    public void Record(AuditEntry entry)
    {
        var (method, detail) = (Printable.Line(entry.Method, 256), Printable.Line(entry.Detail));
        LogEntry(entry.Principal, method, entry.Outcome, entry.Peer, detail);
        if (!_queue.Writer.TryWrite(entry))
            Interlocked.Increment(ref _lost);
    }

    /// <summary>Writes what is queued and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _writer;
    }

    private async Task WriteAsync()
    {
        var batch = new List<AuditEntry>();
        while (await _queue.Reader.WaitToReadAsync())
        {
            while (batch.Count < BatchLength && _queue.Reader.TryRead(out var entry))
                batch.Add(entry);
            var lost = Interlocked.Exchange(ref _lost, 0);
            if (lost > 0)
                batch.Add(new AuditEntry(_clock.GetUtcNow(), "-", "-", "audit", null, null, null, "ResourceExhausted", $"{lost} entries were not kept: too many at once"));
            try
            {
                _database.Write(connection =>
                {
                    foreach (var entry in batch)
                        AuditStore.Add(connection, Row(entry));
                });
            }
            catch (McpException e)
            {
                // A full disk must not end the audit: the entries are in the log, and the next ones are tried again.
                LogNotWritten(batch.Count, e.Message, e.Cause ?? "");
            }
            batch.Clear();
        }
    }

    private static AuditRow Row(AuditEntry entry) => new(
        Timestamp.Format(entry.At), Printable.Line(entry.Principal, 256), entry.Peer, Printable.Line(entry.Method, 256), "", Printable.Line(entry.Service, 256),
        entry.Operation ?? "", entry.Outcome, Printable.Line(entry.OnBehalfOf is null ? entry.Detail : $"for {entry.OnBehalfOf}: {entry.Detail}"));
}
