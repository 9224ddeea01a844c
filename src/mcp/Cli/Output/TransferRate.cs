namespace Mcp.Cli.Output;

/// <summary>
/// Turns "so many of so many, now" into a rate and what remains. The rate is over the last ten seconds: an average since the start would
/// go on promising what the first seconds gave.
/// </summary>
internal sealed class TransferRate
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);
    private readonly Queue<(DateTimeOffset At, long Done)> _samples = new();

    /// <summary>Takes a sample and tells it in words: <c>12.3 of 40.0 MiB, 8.2 MiB/s, 3 s left</c>.</summary>
    public string Describe(long done, long total, DateTimeOffset now)
    {
        while (_samples.Count > 1 && now - _samples.Peek().At > Window)
            _samples.Dequeue();
        _samples.Enqueue((now, done));
        var amount = total > 0 ? $"{Measures.Bytes(done)} of {Measures.Bytes(total)}" : Measures.Bytes(done);
        var (since, from) = _samples.Peek();
        var seconds = (now - since).TotalSeconds;
        if (seconds < 0.5 || done <= from)
            return amount;
        var rate = (done - from) / seconds;
        var left = (total - done) / rate;
        return $"{amount}, {Measures.Bytes(rate)}/s{(left >= 1 ? $", {Measures.Span(TimeSpan.FromSeconds(left))} left" : "")}";
    }
}
