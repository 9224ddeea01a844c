namespace Mcp.Confinement.Work;

/// <summary>
/// How hard an archive is compressed, by what its maker waits for. As long as the taker keeps up, the processor is the narrow place, and the least level is the fastest; if most
/// of the time goes by in waiting for the taker, there is time to send fewer bytes.
/// </summary>
internal sealed class LevelByLink
{
    // Long enough for several pieces of every worker.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    private readonly int _least;
    private readonly int _most;
    private TimeSpan _at;
    private TimeSpan _waited;

    /// <summary>Begins with the least level.</summary>
    /// <param name="least">The level while the taker keeps up.</param>
    /// <param name="most">The level for a slow one.</param>
    public LevelByLink(int least, int most) => (_least, _most, Level) = (least, most, least);

    /// <summary>The level to take.</summary>
    public int Level { get; private set; }

    /// <summary>Looks again, twice a second.</summary>
    /// <param name="now">Since the beginning.</param>
    /// <param name="waited">How much of it was spent waiting for the taker.</param>
    public void Judge(TimeSpan now, TimeSpan waited)
    {
        var (passed, of) = (now - _at, waited - _waited);
        if (passed < Look)
            return;
        (_at, _waited) = (now, waited);
        // Apart, so that it does not go to and fro: compressing harder takes from the waiting.
        if (of > passed * 0.5)
            Level = _most;
        else if (of < passed * 0.1)
            Level = _least;
    }
}
