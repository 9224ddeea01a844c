using System.Diagnostics;

namespace Mcp.EndToEnd.Harness;

/// <summary>Polls a condition with a deadline: the only way in which these tests wait.</summary>
internal static class Wait
{
    /// <summary>Between two looks; small, because the look itself takes longer.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Returns when <paramref name="condition"/> is true.</summary>
    /// <param name="what">For the failure message: "node a is running".</param>
    /// <param name="limit">One minute if none.</param>
    /// <param name="otherwise">Asked once at the end: what is the case instead.</param>
    /// <exception cref="TimeoutException">It did not become true in time.</exception>
    public static async Task UntilAsync(string what, Func<Task<bool>> condition, TimeSpan? limit = null, Func<Task<string>>? otherwise = null)
    {
        var deadline = limit ?? TimeSpan.FromMinutes(1);
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            if (clock.Elapsed > deadline)
                throw new TimeoutException($"not within {deadline.TotalSeconds:0} s: {what}. {(otherwise is null ? "" : await otherwise())}");
            await Task.Delay(Pause);
        }
    }
}
