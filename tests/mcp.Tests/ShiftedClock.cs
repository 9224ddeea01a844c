namespace Mcp.Tests;

/// <summary>The real clock and its timers, some days later: for certificates, whose dates matter, beside connections, whose timeouts are real.</summary>
internal sealed class ShiftedClock : TimeProvider
{
    public TimeSpan Shift { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift;
}
