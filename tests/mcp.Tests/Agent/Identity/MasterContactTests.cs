using Mcp.Agent.Identity;
using Mcp.Agent.Monitoring;
using Mcp.Tests.Agent.Monitoring;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Agent.Identity;

/// <summary>A master that is away is told once, after ten minutes, and once when it answers again.</summary>
internal sealed class MasterContactTests
{
    [Test]
    public async Task Ten_minutes_without_an_answer_are_told_once()
    {
        await using var bench = new MonitorBench();
        var clock = new FakeTimeProvider();
        var contact = new MasterContact(new ConditionReport(bench.Parts, NullLogger<ConditionReport>.Instance), clock);
        using var end = new CancellationTokenSource();
        var running = contact.RunAsync(end.Token);

        await PassAsync(TimeSpan.FromMinutes(9));
        contact.Answered();
        await PassAsync(TimeSpan.FromMinutes(9));
        contact.Unanswered("connection refused");
        await Assert.That(bench.Kinds()).IsEmpty();
        await PassAsync(TimeSpan.FromMinutes(2));
        await bench.UntilAsync("master-unreachable");
        await Assert.That(bench.Events().Single().Message).Contains("connection refused");
        await PassAsync(TimeSpan.FromHours(3));
        contact.Answered();
        contact.Answered();
        await Assert.That(bench.Kinds()).IsEquivalentTo(["master-unreachable", "master-unreachable-over"]);
        await end.CancelAsync();
        await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        async Task PassAsync(TimeSpan time)
        {
            for (var passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromSeconds(15))
            {
                clock.Advance(TimeSpan.FromSeconds(15));
                await Task.Yield();
            }
        }
    }
}
