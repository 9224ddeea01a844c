using System.Globalization;
using Microsoft.Extensions.Hosting.Systemd;

namespace Mcp.Processes;

/// <summary>
/// Tells systemd that this process is not only there but works (<c>WatchdogSec</c> of its unit). A thread of its own, so that it sees a thread pool that
/// stands still: three times an interval it asks whether the role's loops turn and whether the pool still takes work, and only then says so. When it does
/// not, systemd ends the process and starts it again; containers do not notice.
/// </summary>
internal sealed partial class SystemdWatchdog : IDisposable
{
    private readonly TimeSpan _every;
    private readonly IReadOnlyList<LoopPulse> _loops;
    private readonly Action _alive;
    private readonly ILogger _log;
    private readonly ManualResetEventSlim _end = new();
    private readonly Thread _thread;
    private bool _said;

    private SystemdWatchdog(TimeSpan every, IReadOnlyList<LoopPulse> loops, Action alive, ILogger log)
    {
        (_every, _loops, _alive, _log) = (every, loops, alive, log);
        _thread = new Thread(Run) { IsBackground = true, Name = "watchdog" };
        _thread.Start();
    }

    /// <summary>Starts it if systemd asks for it; null: it does not.</summary>
    public static SystemdWatchdog? StartIfAsked(SystemdNotifier systemd, ILogger log, params IReadOnlyList<LoopPulse> loops) =>
        Interval(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), Environment.GetEnvironmentVariable("WATCHDOG_PID"), Environment.ProcessId) is { } interval
            ? Start(interval, () => systemd.Notify(new ServiceState("WATCHDOG=1")), log, loops)
            : null;

    /// <summary>Starts it.</summary>
    /// <param name="interval">Within which systemd wants to hear.</param>
    /// <param name="alive">Says it.</param>
    /// <param name="log">Told why it is not said.</param>
    /// <param name="loops">What must turn.</param>
    public static SystemdWatchdog Start(TimeSpan interval, Action alive, ILogger log, params IReadOnlyList<LoopPulse> loops) => new(interval / 3, loops, alive, log);

    /// <summary>What systemd asks of the process <paramref name="self"/>, from the two variables of sd_watchdog_enabled(3); null: nothing.</summary>
    public static TimeSpan? Interval(string? microseconds, string? pid, int self) =>
        long.TryParse(microseconds, NumberStyles.None, CultureInfo.InvariantCulture, out var asked) && asked > 0 && (pid is null or "" || pid == self.ToString(CultureInfo.InvariantCulture))
            ? TimeSpan.FromMicroseconds(asked)
            : null;

    /// <summary>Ends it; systemd has been told that the role stops.</summary>
    public void Dispose()
    {
        _end.Set();
        _thread.Join();
        _end.Dispose();
    }

    private void Run()
    {
        do
        {
            if (Trouble() is not { } trouble)
            {
                _said = false;
                _alive();
            }
            else if (!_said)
            {
                _said = true;
                LogHangs(trouble);
            }
        }
        while (!_end.Wait(_every));
    }

    private string? Trouble()
    {
        if (_loops.FirstOrDefault(l => l.IsLate) is { } late)
            return $"the loop \"{late.Name}\" has not turned for {late.Age.TotalSeconds:0} s";
        if (Task.Run(() => { }).Wait(_every))
            return null;
        return $"the thread pool has taken no work for {_every.TotalSeconds:0} s ({ThreadPool.ThreadCount} threads, {ThreadPool.PendingWorkItemCount} waiting)";
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "This process hangs, and systemd is not told that it is alive: {Trouble}")]
    private partial void LogHangs(string trouble);
}
