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
        await Assert.That(board.Of("orion").Detail).Contains("master → agent");
        _clock.Advance(TimeSpan.FromSeconds(91));
        board.Answered("orion");
        await Assert.That(board.Of("orion").Health).IsEqualTo(NodeHealth.Unhealthy);
        await Assert.That(board.Heard("orion")).IsTrue();
        await Assert.That(board.Of("orion").Health).IsEqualTo(NodeHealth.Unhealthy);
        board.Answered("orion");
        await Assert.That(board.Of("orion").Health).IsEqualTo(NodeHealth.Healthy);
        await Assert.That(board.Heard("orion")).IsFalse();
    }
}
