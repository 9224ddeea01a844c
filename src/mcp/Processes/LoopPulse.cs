namespace Mcp.Processes;

/// <summary>That a loop turns: it says so at each turn, the watchdog asks when it last did.</summary>
/// <param name="name">For the log.</param>
/// <param name="longest">What one turn may take with everything that it waits for.</param>
/// <param name="clock">A clock that nobody sets.</param>
internal sealed class LoopPulse(string name, TimeSpan longest, TimeProvider clock)
{
    private long _turned = clock.GetTimestamp();

    /// <summary>The loop's name.</summary>
    public string Name => name;

    /// <summary>How long ago it turned.</summary>
    public TimeSpan Age => clock.GetElapsedTime(Interlocked.Read(ref _turned));

    /// <summary>It hangs.</summary>
    public bool IsLate => Age > longest;

    /// <summary>It turns.</summary>
    public void Turn() => Interlocked.Exchange(ref _turned, clock.GetTimestamp());
}
