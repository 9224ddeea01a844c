using Mcp.Agent.Monitoring;

namespace Mcp.Tests.Agent.Monitoring;

/// <summary>The arithmetic of flapping, as a table: seconds at which a container ended, and at which seconds it is judged (threshold 3, window 100 s).</summary>
internal sealed class FlapWindowTests
{
    [Test]
    [Arguments("", "0-")]
    [Arguments("1 2", "2- 50- 200-")]
    [Arguments("1 2 3", "2- 3+ 102+ 103- 104-")]
    // Three, but never within one window.
    [Arguments("1 60 120", "120- 160-")]
    // The window ends behind its last second.
    [Arguments("1 50 100", "100+")]
    [Arguments("1 50 101", "101-")]
    // Once it flaps, one end a window is enough to go on.
    [Arguments("1 2 3 90 180", "3+ 100+ 179+ 180+ 279+ 280-")]
    // It stopped for a whole window: it takes three again.
    [Arguments("1 2 3 200 210", "3+ 103- 210-")]
    // Podman starts it many times a second; all at once is no overflow.
    [Arguments("5x5000", "5+ 104+ 105-")]
    public async Task It_flaps(string ends, string judged)
    {
        var window = new FlapWindow(3, TimeSpan.FromSeconds(100));
        var pending = new Queue<(int At, int Times)>(ends.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word.Split('x'))
            .Select(w => (int.Parse(w[0], System.Globalization.CultureInfo.InvariantCulture), w.Length > 1 ? int.Parse(w[1], System.Globalization.CultureInfo.InvariantCulture) : 1)));
        var flapping = false;
        var said = new List<string>();
        var looks = judged.Split(' ').Select(word => int.Parse(word[..^1], System.Globalization.CultureInfo.InvariantCulture)).ToHashSet();
        for (var second = 0; second <= looks.Max(); second++)
        {
            while (pending.TryPeek(out var next) && next.At == second)
                window.Add(At(pending.Dequeue().At), next.Times);
            flapping = window.IsFlapping(At(second), flapping);
            if (looks.Contains(second))
                said.Add($"{second}{(flapping ? '+' : '-')}");
        }
        await Assert.That(string.Join(' ', said)).IsEqualTo(judged);
    }

    private static DateTimeOffset At(int second) => DateTimeOffset.UnixEpoch.AddSeconds(second);
}
