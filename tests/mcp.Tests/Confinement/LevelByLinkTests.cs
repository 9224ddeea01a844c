using Mcp.Confinement.Work;

namespace Mcp.Tests.Confinement;

public class LevelByLinkTests
{
    [Test]
    public async Task A_slow_taker_gets_fewer_bytes_and_a_fast_one_is_not_kept_waiting()
    {
        var level = new LevelByLink(least: 1, most: 3);
        await Assert.That(level.Level).IsEqualTo(1);
        // Too early to say.
        level.Judge(Seconds(0.3), Seconds(0.3), 1_000_000);
        await Assert.That(level.Level).IsEqualTo(1);
        level.Judge(Seconds(0.6), Seconds(0.5), 2_000_000);
        await Assert.That(level.Level).IsEqualTo(3);
        // A quarter of the time is neither.
        level.Judge(Seconds(1.6), Seconds(0.75), 5_000_000);
        await Assert.That(level.Level).IsEqualTo(3);
        level.Judge(Seconds(2.6), Seconds(0.8), 90_000_000);
        await Assert.That(level.Level).IsEqualTo(1);
    }

    [Test]
    public async Task A_taker_that_is_faster_than_a_link_gets_no_fewer_bytes()
    {
        var level = new LevelByLink(least: 1, most: 3);
        level.Judge(Seconds(1), Seconds(0.9), 60_000_000);
        await Assert.That(level.Level).IsEqualTo(1);
        level.Judge(Seconds(2), Seconds(1.8), 80_000_000);
        await Assert.That(level.Level).IsEqualTo(3);
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
