using Mcp.Processes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Processes;

public class StandingLoopTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Test]
    public async Task One_that_breaks_is_told_with_its_name_and_begun_again_after_a_pause()
    {
        var clock = new FakeTimeProvider();
        using var ending = new CancellationTokenSource();
        var log = new Lines();
        var again = new TaskCompletionSource();
        var begun = 0;
        var running = new StandingLoop("snapshots", async stop =>
        {
            if (++begun == 1)
                throw new InvalidOperationException("nobody thought of this");
            again.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }).RunAsync(clock, log, ending.Token);

        await Assert.That(begun).IsEqualTo(1).Because("not at once: it would fill the log");
        await Assert.That(log.Said).IsEquivalentTo(["The loop 'snapshots' failed unexpectedly and is begun again: nobody thought of this"]);
        clock.Advance(StandingLoop.Pause);
        await again.Task.WaitAsync(Deadline);
        await Assert.That(running.IsCompleted).IsFalse();
        await ending.CancelAsync();
        await running.WaitAsync(Deadline);
    }

    [Test]
    public async Task One_that_ends_by_itself_is_over_and_one_that_waits_to_begin_again_ends_with_its_role()
    {
        var clock = new FakeTimeProvider();
        var begun = 0;
        await new StandingLoop("drills", _ => Task.FromResult(++begun)).RunAsync(clock, new Lines(), CancellationToken.None).WaitAsync(Deadline);
        await Assert.That(begun).IsEqualTo(1);
        using var ending = new CancellationTokenSource();
        var waiting = new StandingLoop("drills", _ => throw new InvalidOperationException()).RunAsync(clock, new Lines(), ending.Token);
        await ending.CancelAsync();
        await waiting.WaitAsync(Deadline);
    }

    private sealed class Lines : ILogger
    {
        public List<string> Said { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Said.Add($"{formatter(state, exception)}: {exception?.Message}");
    }
}
