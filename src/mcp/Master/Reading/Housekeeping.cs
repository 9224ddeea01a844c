using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Identity;
using Mcp.Master.Registration;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>
/// Every minute: computes the findings and writes an event for each one opened or closed. Every hour: lets go what is old (audit a year,
/// events and ended operations 30 days, tokens a day after their end).
/// </summary>
internal sealed partial class Housekeeping(Database database, FleetStatus status, NodeEvents events, TimeProvider clock, ILogger<Housekeeping> log)
{
    private static readonly TimeSpan Round = TimeSpan.FromMinutes(1);

    private Dictionary<(string Kind, string Node, string Service), Finding> _open = [];
    private DateTimeOffset _reaped = DateTimeOffset.MinValue;

    /// <summary>Runs until the process ends.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Round, clock);
        do
        {
            try
            {
                await LookAsync(cancellation);
                Reap();
            }
            catch (McpException e)
            {
                LogFailed(e.Message, e.Cause ?? "");
            }
        }
        while (await timer.WaitForNextTickAsync(cancellation));
    }

    private async Task LookAsync(CancellationToken cancellation)
    {
        var now = (await status.FindingsAsync(cancellation)).DistinctBy(f => (f.Kind, f.Node, f.Service)).ToDictionary(f => (f.Kind, f.Node, f.Service));
        foreach (var (key, finding) in now.Where(f => !_open.ContainsKey(f.Key)))
            events.Store(Event(finding, "finding-opened", finding.Severity, $"{key.Kind}: {finding.Message}"));
        foreach (var (key, finding) in _open.Where(f => !now.ContainsKey(f.Key)))
            events.Store(Event(finding, "finding-closed", "info", $"{key.Kind}: no longer"));
        _open = now;
    }

    private void Reap()
    {
        var now = clock.GetUtcNow();
        if (now - _reaped < TimeSpan.FromHours(1))
            return;
        _reaped = now;
        database.Write(connection =>
        {
            AuditStore.Reap(connection, Timestamp.Format(now.AddDays(-366)));
            EventStore.Reap(connection, Timestamp.Format(now.AddDays(-30)));
            OperationStore.Reap(connection, Timestamp.Format(now.AddDays(-30)));
            JoinTokenStore.Reap(connection, Timestamp.Format(now.AddDays(-1)));
        });
    }

    private FleetEvent Event(Finding finding, string kind, string severity, string message) => new()
    {
        At = Timestamp.Now(clock),
        Node = finding.Node,
        Service = finding.Service,
        Kind = kind,
        Severity = severity,
        Message = message,
    };
}
