namespace Mcp.Benchmarks;

/// <summary>
/// Two ways to do the same thing, run in turn A B A B … so that a drift of the machine's speed meets both; the ratio is the median of the
/// pairs' ratios.
/// </summary>
internal sealed class Comparison
{
    private readonly List<double> _ours = [];
    private readonly List<double> _peer = [];

    /// <summary>Runs one uncounted pair and then <paramref name="runs"/> counted ones; each function gives milliseconds.</summary>
    public static Comparison Run(int runs, Func<int, double> ours, Func<int, double> peer)
    {
        var comparison = new Comparison();
        ours(-1);
        peer(-1);
        for (var i = 0; i < runs; i++)
        {
            comparison._ours.Add(ours(i));
            comparison._peer.Add(peer(i));
        }
        return comparison;
    }

    /// <summary>Median of our runs, in milliseconds.</summary>
    public double Ours => Median(_ours);

    /// <summary>Median of the peer's runs, in milliseconds.</summary>
    public double Peer => Median(_peer);

    /// <summary>Ours divided by the peer's: below 1 we are faster.</summary>
    public double Ratio => Median([.. _ours.Zip(_peer, (a, b) => a / b)]);

    /// <summary>The fastest and the slowest of our runs.</summary>
    public string Spread => $"{_ours.Min():0}–{_ours.Max():0}";

    /// <summary>The middle value.</summary>
    public static double Median(IReadOnlyList<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
