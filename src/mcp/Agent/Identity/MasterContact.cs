using Mcp.Agent.Monitoring;
using Mcp.Alerts;

namespace Mcp.Agent.Identity;

/// <summary>
/// Whether the master answers. After ten minutes without an answered Register or Heartbeat that is said once, by this node, since the master cannot; and once
/// when it answers again. Counted by a clock that nobody sets.
/// </summary>
internal sealed class MasterContact(ConditionReport report, TimeProvider clock)
{
    /// <summary>The kind of its alert.</summary>
    public const string Unreachable = "master unreachable";

    /// <summary>How long a master may be away (a restart, an upgrade, a reboot) before it is said.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan Round = TimeSpan.FromSeconds(15);
    private static readonly AlertSubject Subject = new(Unreachable, "");

    private long _answered = clock.GetTimestamp();
    private volatile string _cause = "it was not heard since this agent started";

    /// <summary>The master took a Register or a Heartbeat.</summary>
    public void Answered()
    {
        Interlocked.Exchange(ref _answered, clock.GetTimestamp());
        report.Ends(Subject, "the master answers again");
    }

    /// <summary>It did not.</summary>
    public void Unanswered(string cause) => _cause = cause;

    /// <summary>Looks until the agent ends.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(Round, clock);
        while (await timer.WaitForNextTickAsync(ct))
        {
            var silent = clock.GetElapsedTime(Interlocked.Read(ref _answered));
            if (silent >= Patience)
                report.Begins(new AlertNotice(Subject, "error", $"the master has not answered for {Patience.TotalMinutes:0} min: {_cause}", "systemctl status mcp-master (on the master's machine); mcp ps --direct --node NODE works meanwhile"));
        }
    }
}
