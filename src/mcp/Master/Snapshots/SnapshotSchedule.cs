using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Placement;
using Mcp.Sqlite;
using Mcp.Text;

namespace Mcp.Master.Snapshots;

/// <summary>
/// Takes snapshots of everything by itself: every placed service, every node's agent and proxy, the master's own state. One after another. A busy
/// service is passed over for a while, and a snapshot gives way to whoever waits for its service: it is thrown away and taken again later.
/// </summary>
internal sealed partial class SnapshotSchedule(
    Database database, SnapshotTaking taking, ServiceLocks locks, NodeHealthBoard board, SnapshotSettings settings, TimeProvider clock, Random random, ILogger<SnapshotSchedule> log)
{
    /// <summary>Who does it, in journals and events.</summary>
    public const string Principal = "master/mcp-master";

    private readonly SnapshotTimetable _snapshots = new(settings.Interval, clock, random);

    /// <summary>Whether nothing may be begun yet: a restored master first hears its nodes.</summary>
    public Func<bool> IsHeld { get; init; } = () => false;

    /// <summary>Runs until the process ends. An interval of zero switches it off.</summary>
    public Task RunAsync(CancellationToken cancellation) =>
        settings.Interval > TimeSpan.Zero ? ScheduleRounds.RunAsync(settings.Interval, clock, IsHeld, PassAsync, e => LogRound(e.Message, e.Cause ?? ""), cancellation) : Task.CompletedTask;

    /// <summary>Does what is due now.</summary>
    internal async Task PassAsync(CancellationToken cancellation)
    {
        var (subjects, newest) = database.Read(connection => (Subjects(NodeStore.All(connection), PlacementStore.All(connection)), SnapshotStore.Newest(connection)));
        _snapshots.Keep(subjects.Select(s => s.Subject.Key).ToHashSet(StringComparer.Ordinal));
        foreach (var (subject, node) in subjects)
        {
            var last = newest.GetValueOrDefault(subject.Key) is { } row ? Timestamp.Read(row.CreatedAt) : null;
            if (!_snapshots.IsDue(subject.Key, last))
                continue;
            // A node that is away is found again by its health; trying would only add a failure to what is told already.
            if (node.Length > 0 && board.Of(node).Health == NodeHealth.Unhealthy)
                _snapshots.Failed(subject.Key);
            else
                await TakeAsync(subject, cancellation);
        }
    }

    private async Task TakeAsync(SnapshotSubject subject, CancellationToken cancellation)
    {
        var id = OperationId.New(clock);
        using var wanted = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var held = subject.IsService ? locks.TryAcquire(ServiceName.Parse(subject.Name), $"scheduled snapshot {id}", () => GiveWay(wanted)) : null;
        if (subject.IsService && held is null)
        {
            _snapshots.Busy(subject.Key);
            return;
        }
        try
        {
            await taking.TakeAsync(subject, manual: false, id, Principal, (_, _, _) => { }, null, wanted.Token);
            _snapshots.Done(subject.Key);
        }
        catch (McpException e) when (SnapshotTaking.NothingThere(subject, e))
        {
            // Asked again at its next time: a proxy may have come.
            _snapshots.Done(subject.Key);
        }
        catch (Exception e) when (wanted.IsCancellationRequested && !cancellation.IsCancellationRequested && e is McpException or OperationCanceledException)
        {
            LogGaveWay(subject.Key);
            _snapshots.Busy(subject.Key);
        }
        catch (McpException e)
        {
            // Told as an event and, if it stays so, as a finding.
            LogFailed(subject.Key, e.Message, e.Cause ?? "");
            _snapshots.Failed(subject.Key);
        }
    }

    // The master run as a service of its own node is its own state, which is taken anyway.
    private static List<(SnapshotSubject Subject, string Node)> Subjects(List<NodeRow> nodes, List<PlacementRow> placements) =>
    [
        (SnapshotSubject.Master, ""),
        .. placements.Where(p => !p.Pending && p.Service != ReservedNames.MasterService).Select(p => (SnapshotSubject.Service(p.Service), p.Node)),
        .. nodes.Where(n => n.JoinedAt is not null).SelectMany(n => new[]
        {
            (SnapshotSubject.Infrastructure(SnapshotSubject.AgentState, n.Name), n.Name),
            (SnapshotSubject.Infrastructure(SnapshotSubject.ProxyState, n.Name), n.Name),
        }),
    ];

    // The snapshot may have ended in this very moment, and its token with it.
    private static void GiveWay(CancellationTokenSource wanted)
    {
        try
        {
            wanted.Cancel();
        }
        catch (ObjectDisposedException)
        {
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A round of the snapshot schedule failed: {Message} {Cause}")]
    private partial void LogRound(string message, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The scheduled snapshot of {Service} failed: {Message} {Cause}")]
    private partial void LogFailed(string service, string message, string cause);

    [LoggerMessage(Level = LogLevel.Information, Message = "The scheduled snapshot of {Service} gave way to somebody who waits for the service")]
    private partial void LogGaveWay(string service);
}
