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
    public static async Task<Comparison> RunAsync(int runs, Func<int, Task<double>> ours, Func<int, Task<double>> peer)
    {
        var comparison = new Comparison();
        await ours(-1);
        await peer(-1);
        for (var i = 0; i < runs; i++)
        {
            comparison._ours.Add(await ours(i));
            comparison._peer.Add(await peer(i));
        }
        return comparison;
    }

    /// <summary>A row of the table: medians, the ratio, the spread.</summary>
    public string Row(string what, string peer) => FormattableString.Invariant(
        $"| {what} | {Median(_ours):0.0} ms ({_ours.Min():0.0}–{_ours.Max():0.0}) | {peer} | {Median(_peer):0.0} ms ({_peer.Min():0.0}–{_peer.Max():0.0}) | {Median([.. _ours.Zip(_peer, (a, b) => a / b)]):0.00} |");

    /// <summary>The middle value.</summary>
    private static double Median(IReadOnlyList<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
