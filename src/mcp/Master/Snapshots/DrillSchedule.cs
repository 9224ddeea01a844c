using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.Text;

namespace Mcp.Master.Snapshots;

/// <summary>
/// Tries one snapshot of each service out by itself, one after another. In a loop of its own: a drill takes as long as a restore and a start, and no
/// snapshot that is due waits for it.
/// </summary>
internal sealed partial class DrillSchedule(Database database, Drilling drilling, SnapshotSettings settings, TimeProvider clock, Random random, ILogger<DrillSchedule> log)
{
    private readonly SnapshotTimetable _drills = new(settings.Drill, clock, random);

    /// <summary>Whether nothing may be begun yet: a restored master first hears its nodes.</summary>
    public Func<bool> IsHeld { get; init; } = () => false;

    /// <summary>Runs until the process ends. An interval of zero switches it off.</summary>
    public Task RunAsync(CancellationToken cancellation) =>
        settings.Drill > TimeSpan.Zero ? ScheduleRounds.RunAsync(settings.Drill, clock, IsHeld, PassAsync, e => LogRound(e.Message, e.Cause ?? ""), cancellation) : Task.CompletedTask;

    /// <summary>Does what is due now.</summary>
    internal async Task PassAsync(CancellationToken cancellation)
    {
        var (services, courses, complete) = database.Read(connection => (PlacementStore.All(connection), SnapshotCourseStore.All(connection), SnapshotStore.WithComplete(connection)));
        _drills.Keep(services.Select(s => s.Service).ToHashSet(StringComparer.Ordinal));
        foreach (var service in services.Where(s => complete.Contains(s.Service)))
        {
            if (!_drills.IsDue(service.Service, Timestamp.Read(courses.GetValueOrDefault(service.Service)?.DrillTriedAt)))
                continue;
            try
            {
                await drilling.ScheduledAsync(service.Service, OperationId.New(clock), cancellation);
                _drills.Done(service.Service);
            }
            catch (McpException e)
            {
                // Told as an event and as a finding.
                LogDrill(service.Service, e.Message, e.Cause ?? "");
                _drills.Failed(service.Service);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A round of the drill schedule failed: {Message} {Cause}")]
    private partial void LogRound(string message, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The scheduled drill of {Service} failed: {Message} {Cause}")]
    private partial void LogDrill(string service, string message, string cause);
}
