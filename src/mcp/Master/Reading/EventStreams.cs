using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Identity;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Reading;

/// <summary>
/// The events (or the audit) as a stream: what there was, by its time, then what comes, as it comes. A follower holds a batch of memory and no lock; he is woken by
/// the next commit. A slow one is cut off and told where to go on.
/// </summary>
internal sealed class EventStreams(Database database, TimeProvider clock)
{
    private const int Batch = 500;

    // Commits that are no events wake him, too: a busy master does not let each of them cost a look.
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(50);

    /// <summary>Events of the fleet, and with <c>follow</c> those to come.</summary>
    /// <exception cref="McpException">InvalidArgument: no time; ResourceExhausted: the follower was too slow.</exception>
    public async Task EventsAsync(EventsRequest request, IServerStreamWriter<FleetEvent> writer, CancellationToken cancellation)
    {
        var filter = request.Clone();
        if (filter.Since.Length > 0)
            filter.Since = Timestamp.Read(filter.Since) is { } since ? Timestamp.Format(since) : throw new McpException(FaultCode.InvalidArgument, "`since` is not an RFC 3339 time, as 2026-04-01T00:00:00Z");
        var last = request.After > 0
            ? database.Read(c => request.Audit ? request.After : EventStore.Resume(c, request.After, request.AfterAt))
            : await HistoryAsync(filter, writer, cancellation);
        while (true)
        {
            var more = database.NextCommit;
            var batch = database.Read(c => Next(c, last, filter));
            foreach (var happened in batch)
            {
                await WriteAsync(writer, happened, cancellation);
                last = happened.Id;
            }
            if (batch.Count == Batch)
                continue;
            if (!request.Follow)
                return;
            await more.WaitAsync(cancellation);
            await Task.Delay(BetweenLooks, clock, cancellation);
        }
    }

    private async Task<ulong> HistoryAsync(EventsRequest filter, IServerStreamWriter<FleetEvent> writer, CancellationToken cancellation)
    {
        if (filter.Audit)
            return database.Read(c => AuditStore.BeforeTail(c, filter));
        var (until, from) = database.Read(c => (EventStore.Last(c), EventStore.BeforeTail(c, filter)));
        while (true)
        {
            var batch = database.Read(c => EventStore.History(c, from, until, filter, Batch));
            foreach (var happened in batch)
                await WriteAsync(writer, happened, cancellation);
            if (batch.Count < Batch)
                return until;
            from = (batch[^1].At, batch[^1].Id);
        }
    }

    private Task WriteAsync(IServerStreamWriter<FleetEvent> writer, FleetEvent happened, CancellationToken cancellation) =>
        writer.WriteToFollowerAsync(happened, $"mcp events -f --since {happened.At}", clock, cancellation);

    private static List<FleetEvent> Next(SqliteConnection connection, ulong last, EventsRequest filter) =>
        filter.Audit ? AuditStore.After(connection, last, filter, Batch) : EventStore.After(connection, last, filter, Batch);
}
