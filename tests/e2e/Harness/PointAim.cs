namespace Mcp.EndToEnd.Harness;

/// <summary>Which durable call of a role a <see cref="CrashPoint"/> means, and what happens there.</summary>
/// <param name="At">The k-th of those that count, from 1; 0: none, they are only counted.</param>
internal sealed record PointAim(int At)
{
    /// <summary>Asked at each point, while the role is held up there: whether it counts. All of them by default. It has a few milliseconds.</summary>
    public Func<bool> Counts { get; init; } = () => true;

    /// <summary>Done there instead of the kill, under the same limit; the role runs on.</summary>
    public Action? Act { get; init; }
}
