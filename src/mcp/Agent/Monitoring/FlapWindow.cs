namespace Mcp.Agent.Monitoring;

/// <summary>
/// How often a container ended lately. It flaps from the <c>threshold</c>th end within the window on, and until a whole window has passed without any:
/// one that ends every few minutes flaps all the time, and does not begin and stop to flap.
/// </summary>
internal sealed class FlapWindow(int threshold, TimeSpan window)
{
    // A container that ends at once is started again many times a second; more than these are not told apart.
    private const int Most = 1000;

    private readonly Queue<DateTimeOffset> _ends = new();

    /// <summary>It ended, so many times.</summary>
    public void Add(DateTimeOffset at, int times = 1)
    {
        for (var i = 0; i < Math.Min(times, Most); i++)
            _ends.Enqueue(at);
        while (_ends.Count > Most)
            _ends.Dequeue();
    }

    /// <summary>Ends within the window before <paramref name="now"/>.</summary>
    public int CountAt(DateTimeOffset now)
    {
        while (_ends.TryPeek(out var first) && first <= now - window)
            _ends.Dequeue();
        return _ends.Count;
    }

    /// <summary>Whether it flaps, given whether it did before.</summary>
    public bool IsFlapping(DateTimeOffset now, bool before) => CountAt(now) is var count && (count >= threshold || (before && count > 0));
}
