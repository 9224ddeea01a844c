using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Master.Snapshots;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Migrations;

/// <summary>
/// What migrations leave behind on their sources, looked at every minute (more often where they are kept for minutes only). A source that was away when its service moved is cleaned up when it can be. A
/// copy whose time is over is erased, and only when it is not needed any more: the service is healthy where it is now, and a verified, complete
/// snapshot was taken there since. Until then it stays, and an event says why, once.
/// A service that somebody works on is left for the next look.
/// </summary>
internal sealed partial class KeptCopies(MigrationParts parts, ServiceLocks locks, OpenOperations open, ILogger<KeptCopies> log)
{
    private const string By = "master/mcp-master";

    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(10);

    /// <summary>Looks until the process ends.</summary>
    public async Task RunAsync(CancellationToken ending)
    {
        using var timer = new PeriodicTimer(ScheduleRounds.Of(parts.Configuration.KeepSource), parts.Clock);
        while (await timer.WaitForNextTickAsync(ending))
        {
            try
            {
                await LookAsync(ending);
            }
            catch (McpException e)
            {
                LogRound(e.Message, e.Cause ?? "");
            }
        }
    }

    /// <summary>Looks once.</summary>
    public async Task LookAsync(CancellationToken ending)
    {
        if (open.IsHeld())
            return;
        foreach (var row in parts.Database.Read(c => MigrationStore.In(c, MigrationState.Edged, MigrationState.Done)))
        {
            using var held = locks.TryAcquire(ServiceName.Parse(row.Service), $"the end of migration {row.Operation}");
            if (held is null)
                continue;
            try
            {
                if (row.State == MigrationState.Edged)
                    await CleanAsync(row, ending);
                else if (row.AsideUntil is { } until && Timestamp.Read(until) <= parts.Clock.GetUtcNow())
                    await ReapAsync(row, ending);
            }
            catch (McpException e)
            {
                LogNotYet(row.Service, row.Source, e.Cause is null ? e.Message : $"{e.Message}: {e.Cause}");
            }
        }
    }

    private async Task CleanAsync(MigrationRow row, CancellationToken ending)
    {
        // Its own process is still at it, or the next one will be.
        if (parts.Database.Read(c => OperationStore.Find(c, row.Operation)) is not { IsOpen: false } operation)
            return;
        var intent = MigrationIntent.Parser.ParseFrom(operation.Request);
        if (!parts.IsLost(row.Source))
            await new SourceCleanup(parts).CleanAsync(row, intent, By, attempt: 2, ending);
        parts.Database.Write(connection =>
        {
            MigrationStore.Put(connection, SourceCleanup.Over(parts, row, intent));
            SourceCleanup.Record(connection, row, intent);
            Tell(connection, row, "source-cleaned", "info", $"{row.Source} was heard again: what {row.Service} left there is cleaned up, and its data is aside");
        });
    }

    private async Task ReapAsync(MigrationRow row, CancellationToken ending)
    {
        var (intent, placement) = parts.Database.Read(c => (OperationStore.Find(c, row.Operation), PlacementStore.Find(c, row.Service))) is ({ } operation, var place)
            ? (MigrationIntent.Parser.ParseFrom(operation.Request), place) : (null, null);
        if (intent is null || parts.IsLost(row.Source))
        {
            Save(row with { State = MigrationState.Reaped }, "source-reaped", "info", $"the copy of {row.Service} on {row.Source} went with its node");
            return;
        }
        if (await NeededAsync(row, placement, ending) is { } needed)
        {
            if (row.Detail.KeptTold)
                return;
            row.Detail.KeptTold = true;
            Save(row, "source-kept", "info", $"the copy of {row.Service} on {row.Source} is kept although its time is over: {needed}");
            return;
        }
        var purge = new PurgeDataRequest { Service = row.Service, State = "aside", VolumeId = intent.VolumeId, Epoch = intent.SourceEpoch };
        var id = $"{row.Operation}-reap-{parts.Clock.GetUtcNow().ToUnixTimeMilliseconds():x}";
        var answer = await parts.Links.To(row.Source).PurgeDataAsync(purge, parts.Links.Options(TimeSpan.FromMinutes(10), ending, id, By));
        // After the agent: a kill in between leaves a record of a copy that is gone, and the next look ends it.
        Save(row with { State = MigrationState.Reaped }, "source-reaped", "info", answer.Bytes > 0 ? $"the copy of {row.Service} that was kept on {row.Source} is erased ({answer.Bytes} bytes)" : $"the copy of {row.Service} that was kept on {row.Source} is there no more: somebody went back to it, or erased it",
            connection => DataRecordStore.RemoveCopy(connection, row.Service, row.Source, intent.VolumeId, intent.SourceEpoch));
    }

    /// <summary>Why the copy is still needed, in words; null: it is not.</summary>
    private async Task<string?> NeededAsync(MigrationRow row, PlacementRow? placement, CancellationToken ending)
    {
        if (placement is null or { Pending: true })
            return $"{row.Service} is not deployed";
        if (!placement.Spec.Active)
            return $"{row.Service} is stopped on {placement.Node}, so nobody knows whether its data is good there";
        var live = await parts.Eyes.LiveAsync(placement.Node, row.Service, AskLimit, ending);
        var containers = live.Containers.Where(c => c.Service == row.Service).ToList();
        if (placement.Spec.Components.Select(c => ServiceJudgement.Fault(c.Name, containers)).FirstOrDefault(f => f is not null) is { } fault)
            return $"{row.Service} is not healthy on {placement.Node} ({fault})";
        return parts.Database.Read(c => HasSnapshot(c, placement, row.Detail.CommittedAt)) ? null : $"there is no verified, complete snapshot that was taken on {placement.Node} since (mcp snapshot {row.Service}; mcp snapshot verify {row.Service})";
    }

    private static bool HasSnapshot(SqliteConnection connection, PlacementRow placement, string since) =>
        connection.Scalar<long>(
            "SELECT count(*) FROM snapshots WHERE service = $service AND node = $node AND epoch >= $epoch AND partial = 0 AND verified_at IS NOT NULL AND damage = '' AND created_at >= $since",
            ("$service", placement.Service), ("$node", placement.Node), ("$epoch", (long)placement.Epoch), ("$since", since)) > 0;

    private void Save(MigrationRow row, string kind, string severity, string message, Action<SqliteConnection>? also = null) => parts.Database.Write(connection =>
    {
        MigrationStore.Put(connection, row);
        also?.Invoke(connection);
        Tell(connection, row, kind, severity, message);
    });

    private void Tell(SqliteConnection connection, MigrationRow row, string kind, string severity, string message) => EventStore.Add(connection, new FleetEvent
    {
        At = Timestamp.Now(parts.Clock),
        Node = row.Source,
        Service = row.Service,
        Kind = kind,
        Severity = severity,
        Message = Printable.Line(message),
        Principal = By,
        Operation = row.Operation,
    });

    [LoggerMessage(Level = LogLevel.Warning, Message = "What migrations left was not looked at in this round: {What} {Cause}")]
    private partial void LogRound(string what, string cause);

    [LoggerMessage(Level = LogLevel.Information, Message = "What the migration of {Service} left on {Node} is looked at again: {Cause}")]
    private partial void LogNotYet(string service, string node, string cause);
}
