using Mcp.Master.Registration;
using Mcp.Placement;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Master;

public class NodeHealthBoardTests
{
    private readonly FakeTimeProvider _clock = new();

    [Test]
    public async Task An_answer_is_enough_for_a_node_of_which_nothing_was_known()
    {
        var board = new NodeHealthBoard(_clock);
        board.Answered("orion");
        await Assert.That(board.Of("orion").Health).IsEqualTo(NodeHealth.Healthy);
    }

    [Test]
    public async Task Silence_of_ninety_seconds_is_overdue_and_the_broken_direction_is_named()
    {
        var board = new NodeHealthBoard(_clock);
        board.Registered("orion");
        board.Answered("orion");
        _clock.Advance(TimeSpan.FromSeconds(90));
        await Assert.That(board.IsOverdue("orion")).IsFalse();
        _clock.Advance(TimeSpan.FromSeconds(1));
        await Assert.That(board.IsOverdue("orion")).IsTrue();
        board.Silent("orion");
        await Assert.That(board.Of("orion").Detail).Contains("agent → master");
        board.Failed("orion", "refused");
        await Assert.That(board.Of("orion").Detail).Contains("no heartbeat arrives");
    }

    [Test]
    public async Task Healthy_again_needs_a_heartbeat_and_an_answer()
    {
        var board = new NodeHealthBoard(_clock);
        board.Registered("orion");
        board.Answered("orion");
        board.Failed("orion", "refused");
        await Assert.That(board.Of("orion").Detail).IsEqualTo("does not answer the master (master → agent is broken, or the node is down; its next heartbeat would tell): refused");
        _clock.Advance(TimeSpan.FromSeconds(91));
        board.Answered("orion");
        await Assert.That(board.Of("orion").Health).IsEqualTo(NodeHealth.Unhealthy);
        await Assert.That(board.Heard("orion")).IsTrue();
        await Assert.That(board.Of("orion").Health).IsEqualTo(NodeHealth.Unhealthy);
        board.Answered("orion");
        await Assert.That(board.Of("orion").Health).IsEqualTo(NodeHealth.Healthy);
        await Assert.That(board.Heard("orion")).IsTrue();
        board.Registered("orion");
        await Assert.That(board.Heard("orion")).IsFalse();
    }

    [Test]
    public async Task The_heartbeat_before_the_failure_does_not_make_a_node_healthy_again()
    {
        var board = new NodeHealthBoard(_clock);
        board.Registered("orion");
        board.Answered("orion");
        _clock.Advance(TimeSpan.FromSeconds(5));
        board.Failed("orion", "refused");
        board.Answered("orion");
        await Assert.That(board.Of("orion").Health).IsEqualTo(NodeHealth.Unhealthy);
        board.Heard("orion");
        board.Answered("orion");
        await Assert.That(board.Of("orion").Health).IsEqualTo(NodeHealth.Healthy);
    }

    [Test]
    public async Task The_direction_that_is_named_is_the_one_that_is_broken_now()
    {
        var board = new NodeHealthBoard(_clock);
        board.Registered("orion");
        board.Answered("orion");
        board.Failed("orion", "refused");
        _clock.Advance(TimeSpan.FromSeconds(20));
        board.Heard("orion");
        await Assert.That(board.Of("orion").Detail).Contains("master → agent is broken");
        _clock.Advance(TimeSpan.FromSeconds(91));
        await Assert.That(board.Of("orion").Detail).Contains("no heartbeat arrives");
        board.Answered("orion");
        await Assert.That(board.Of("orion").Detail).Contains("agent → master is broken");
    }

    [Test]
    public async Task A_wall_clock_that_is_set_makes_no_node_silent()
    {
        var clock = new SetClock(_clock);
        var board = new NodeHealthBoard(clock);
        board.Registered("orion");
        board.Answered("orion");
        clock.Shift = TimeSpan.FromHours(1);
        await Assert.That(board.IsOverdue("orion")).IsFalse();
        await Assert.That(board.IsLive("orion")).IsTrue();
    }

    [Test]
    public async Task A_node_that_was_away_registers_again_once()
    {
        var board = new NodeHealthBoard(_clock);
        board.Registered("orion");
        board.Answered("orion");
        await Assert.That(board.Of("orion").Registered).IsTrue();
        board.Failed("orion", "refused");
        await Assert.That(board.Of("orion").Registered).IsFalse();
        board.Heard("orion");
        board.Registered("orion");
        // The other direction is still broken; that is no reason to register with every heartbeat.
        board.Failed("orion", "refused");
        await Assert.That(board.Of("orion").Registered).IsTrue();
    }

    private sealed class SetClock(TimeProvider inner) : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override long TimestampFrequency => inner.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => inner.GetUtcNow() + Shift;

        public override long GetTimestamp() => inner.GetTimestamp();
    }
}
