using Mcp.Cli;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Cli;

/// <summary>When memory is given back: in a quiet moment, and only if there is something to give.</summary>
internal sealed class RestingMemoryTests
{
    [Test]
    public async Task Collects_in_the_first_quiet_pause_after_work_and_not_again()
    {
        const long mega = 1 << 20;
        var clock = new FakeTimeProvider();
        var (made, collections) = (0L, 0);
        using var resting = new RestingMemory(clock, () => made, () => 0, () => collections++);

        made += 50 * mega;
        clock.Advance(RestingMemory.Pause);
        await Assert.That(collections).IsEqualTo(0);
        made += mega;
        clock.Advance(RestingMemory.Pause);
        await Assert.That(collections).IsEqualTo(1);
        made += mega;
        clock.Advance(RestingMemory.Pause);
        await Assert.That(collections).IsEqualTo(1);
        // Little by little it is worth it again.
        made += mega;
        clock.Advance(RestingMemory.Pause);
        made += mega;
        clock.Advance(RestingMemory.Pause);
        await Assert.That(collections).IsEqualTo(2);
    }

    [Test]
    public async Task Of_a_process_that_is_never_quiet_it_collects_after_a_burst_that_left_much_more_than_before()
    {
        const long mega = 1 << 20;
        var clock = new FakeTimeProvider();
        var (made, held, collections) = (0L, 100 * mega, 0);
        using var resting = new RestingMemory(clock, () => made, () => held, () =>
        {
            collections++;
            held = 100 * mega;
        });

        made += 10 * mega;
        clock.Advance(RestingMemory.Pause);
        await Assert.That(collections).IsEqualTo(1);
        // At work as always: nothing to win.
        (made, held) = (made + 10 * mega, 140 * mega);
        clock.Advance(RestingMemory.Pause);
        await Assert.That(collections).IsEqualTo(1);
        // A burst, and after it.
        (made, held) = (made + 500 * mega, 300 * mega);
        clock.Advance(RestingMemory.Pause);
        await Assert.That(collections).IsEqualTo(1);
        made += 10 * mega;
        clock.Advance(RestingMemory.Pause);
        await Assert.That(collections).IsEqualTo(2);
    }

    [Test]
    public async Task Of_a_small_one_it_collects_long_before_half_as_much_again_is_held()
    {
        const long mega = 1 << 20;
        var clock = new FakeTimeProvider();
        var (made, held, collections) = (0L, 45 * mega, 0);
        using var resting = new RestingMemory(clock, () => made, () => held, () => collections++);

        made += 4 * mega;
        clock.Advance(RestingMemory.Pause);
        await Assert.That(collections).IsEqualTo(1);
        (made, held) = (made + 4 * mega, 53 * mega);
        clock.Advance(RestingMemory.Pause);
        await Assert.That(collections).IsEqualTo(1);
        (made, held) = (made + 4 * mega, 54 * mega);
        clock.Advance(RestingMemory.Pause);
        await Assert.That(collections).IsEqualTo(2);
    }
}
