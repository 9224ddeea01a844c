namespace Mcp.Benchmarks.Scale;

/// <summary>Order statistics of a few measurements.</summary>
internal static class Quantile
{
    /// <summary>The smallest value that at least the share <paramref name="q"/> of all does not exceed.</summary>
    public static double Of(IEnumerable<double> values, double q)
    {
        var sorted = values.Order().ToList();
        return sorted[Math.Clamp((int)Math.Ceiling(q * sorted.Count) - 1, 0, sorted.Count - 1)];
    }
}
