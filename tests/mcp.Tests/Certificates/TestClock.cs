namespace Mcp.Tests.Certificates;

/// <summary>The real time, moved by an offset: TLS itself always goes by the real one.</summary>
internal sealed class TestClock : TimeProvider
{
    public TimeSpan Offset { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Offset;
}
