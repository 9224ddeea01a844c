using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Identity;
using Mcp.Sqlite;
using Mcp.Text;

namespace Mcp.Master.Reading;

/// <summary>Every hour: lets go what is old (audit a year, events and ended operations 30 days, tokens a day after their end).</summary>
internal sealed partial class Housekeeping(Database database, TimeProvider clock, ILogger<Housekeeping> log)
{
    private static readonly TimeSpan Round = TimeSpan.FromHours(1);

    /// <summary>Runs until the process ends.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Round, clock);
        do
        {
            try
            {
                Reap();
            }
            catch (McpException e)
            {
                LogFailed(e.Message, e.Cause ?? "");
            }
        }
        while (await timer.WaitForNextTickAsync(cancellation));
    }

    private void Reap()
    {
        var now = clock.GetUtcNow();
        database.Write(connection =>
        {
            AuditStore.Reap(connection, Timestamp.Format(now.AddDays(-366)));
            EventStore.Reap(connection, Timestamp.Format(now.AddDays(-30)));
            OperationStore.Reap(connection, Timestamp.Format(now.AddDays(-30)));
            JoinTokenStore.Reap(connection, Timestamp.Format(now.AddDays(-1)));
        });
    }
}
