using Mcp.Errors;
using Mcp.Master.Registration;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Master;

public class NodeWatchTests
{
    private readonly FakeTimeProvider _clock = new();

    [Test]
    public async Task A_stream_ends_when_one_of_its_nodes_is_found_dead_and_says_which()
    {
        var board = new NodeHealthBoard(_clock);
        board.Answered("orion");
        board.Answered("vega");
        await using var watch = new NodeWatch(board, _clock, ["orion", "vega"], CancellationToken.None);
        var stream = watch.RunAsync(() => Task.Delay(Timeout.InfiniteTimeSpan, watch.Token).ContinueWith<int>(_ => throw new OperationCanceledException(watch.Token), TaskScheduler.Default));
        _clock.Advance(TimeSpan.FromSeconds(5));
        await Assert.That(stream.IsCompleted).IsFalse();
        board.Failed("vega", "no answer");
        var dead = await Assert.ThrowsAsync<McpException>(async () =>
        {
            var deadline = DateTime.UtcNow.AddSeconds(20);
            while (!stream.IsCompleted && DateTime.UtcNow < deadline)
            {
                _clock.Advance(TimeSpan.FromSeconds(1));
                await Task.Yield();
            }
            await stream.WaitAsync(TimeSpan.FromSeconds(1));
        });
        await Assert.That((dead!.Code, dead.Node)).IsEqualTo((FaultCode.Unavailable, "vega"));
        await Assert.That(dead.Message).Contains("no answer").And.Contains("while data was on its way");
    }

    [Test]
    public async Task Whoever_ends_it_from_outside_gets_his_own_end_and_a_failure_stays_what_it_is()
    {
        var board = new NodeHealthBoard(_clock);
        board.Answered("orion");
        using var outer = new CancellationTokenSource();
        await using var watch = new NodeWatch(board, _clock, ["orion"], outer.Token);
        await Assert.ThrowsAsync<TimeoutException>(async () => await watch.RunAsync<int>(() => throw new TimeoutException()));
        await outer.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await watch.RunAsync<int>(() => throw new OperationCanceledException(watch.Token)));
    }
}
