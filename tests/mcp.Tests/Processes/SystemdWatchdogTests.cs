using System.Diagnostics;
using Mcp.Processes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Processes;

/// <summary>Systemd hears that the process is alive only while its loops turn.</summary>
internal sealed class SystemdWatchdogTests
{
    [Test]
    [Arguments("30000000", "77", 30.0)]
    [Arguments("30000000", null, 30.0)]
    [Arguments("30000000", "78", null)]
    [Arguments("0", null, null)]
    [Arguments("-5", null, null)]
    [Arguments("soon", null, null)]
    [Arguments(null, null, null)]
    public async Task What_systemd_asks(string? microseconds, string? pid, double? seconds)
    {
        await Assert.That(SystemdWatchdog.Interval(microseconds, pid, 77)?.TotalSeconds).IsEqualTo(seconds);
    }

    [Test]
    public async Task It_is_silent_while_a_loop_hangs_and_speaks_again_when_it_turns()
    {
        var clock = new FakeTimeProvider();
        var loop = new LoopPulse("look", TimeSpan.FromMinutes(1), clock);
        var said = 0;
        using var watchdog = SystemdWatchdog.Start(TimeSpan.FromMilliseconds(150), () => Interlocked.Increment(ref said), NullLogger.Instance, loop);
        await UntilAsync(() => Volatile.Read(ref said) > 2);
        clock.Advance(TimeSpan.FromMinutes(2));
        // One may be on its way.
        await Task.Delay(200);
        var silent = Volatile.Read(ref said);
        await Task.Delay(500);
        await Assert.That(Volatile.Read(ref said)).IsEqualTo(silent);
        loop.Turn();
        await UntilAsync(() => Volatile.Read(ref said) > silent + 1);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        var patience = Stopwatch.StartNew();
        while (!condition() && patience.Elapsed < TimeSpan.FromSeconds(20))
            await Task.Delay(10);
        await Assert.That(condition()).IsTrue();
    }
}
