namespace Mcp.Master.Snapshots;

/// <summary>
/// When something that recurs is due next, for each of many. The wall clock is asked once, at the first look, how long the last one is ago; from
/// then on time is measured by the monotonic clock, so that a clock that jumps by years starts no storm and no silence.
/// Each gets a jitter of its own, so that services deployed together are not all copied in the same minute for ever.
/// </summary>
/// <param name="interval">Between two of one.</param>
/// <param name="clock">Both clocks.</param>
/// <param name="random">For the jitter.</param>
internal sealed class SnapshotTimetable(TimeSpan interval, TimeProvider clock, Random random)
{
    /// <summary>
    /// A first one is not made while the thing is still being set up, but after so long; what was missed while nobody was there is made up for within
    /// the same time, not all at once.
    /// </summary>
    private static readonly TimeSpan FirstAtMost = TimeSpan.FromMinutes(10);

    /// <summary>A busy service is tried again after so long, or a tenth of the interval.</summary>
    private static readonly TimeSpan BusyAtMost = TimeSpan.FromMinutes(5);

    /// <summary>One that failed, after so long at most, or a quarter of the interval.</summary>
    private static readonly TimeSpan FailedAtMost = TimeSpan.FromHours(1);

    private readonly Dictionary<string, (long Since, TimeSpan Wait)> _next = new(StringComparer.Ordinal);

    /// <summary>Whether it is time.</summary>
    /// <param name="key">Of what.</param>
    /// <param name="last">When the last one was made; null: never.</param>
    public bool IsDue(string key, DateTimeOffset? last)
    {
        if (!_next.TryGetValue(key, out var next))
            _next[key] = next = (clock.GetTimestamp(), First(last));
        return clock.GetElapsedTime(next.Since) >= next.Wait;
    }

    /// <summary>It was done: an interval from now, give or take a twentieth.</summary>
    public void Done(string key) => Set(key, interval * (0.95 + 0.1 * random.NextDouble()));

    /// <summary>Somebody else was at work on it.</summary>
    public void Busy(string key) => Set(key, Least(BusyAtMost, interval / 10) * (0.5 + random.NextDouble()));

    /// <summary>It failed; what stood in the way may be gone in a while.</summary>
    public void Failed(string key) => Set(key, Least(FailedAtMost, interval / 4) * (0.75 + 0.5 * random.NextDouble()));

    /// <summary>Forgets what is not among <paramref name="keys"/> any more.</summary>
    public void Keep(IReadOnlySet<string> keys)
    {
        foreach (var gone in _next.Keys.Where(k => !keys.Contains(k)).ToList())
            _next.Remove(gone);
    }

    private TimeSpan First(DateTimeOffset? last)
    {
        var spread = Least(FirstAtMost, interval / 10) * random.NextDouble();
        if (last is not { } at)
            return Least(FirstAtMost, interval / 10) + spread;
        // A time in the future is a clock that was set back: nobody knows how long it is ago.
        var ago = clock.GetUtcNow() - at;
        return ago >= interval || ago < TimeSpan.Zero ? spread : interval - ago + spread;
    }

    private void Set(string key, TimeSpan wait) => _next[key] = (clock.GetTimestamp(), wait);

    private static TimeSpan Least(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
