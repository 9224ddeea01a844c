namespace Mcp.Confinement.Work;

/// <summary>
/// How hard an archive is compressed, by what its maker waits for. As long as the taker keeps up, the processor is the narrow place, and the least level is the fastest; if most
/// of the time goes by in waiting for a taker that is slow as a link is, there is time to send fewer bytes. One that takes more than a link of 250 Mbit/s carries and is waited
/// for nevertheless is busy with what it gets (on one machine, with the same processors): a twentieth fewer bytes do not help it.
/// </summary>
internal sealed class LevelByLink
{
    // Long enough for several pieces of every worker.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    private const double LinkBytesPerSecond = 32 << 20;

    private readonly int _least;
    private readonly int _most;
    private TimeSpan _at;
    private TimeSpan _waited;
    private long _sent;

    /// <summary>Begins with the least level.</summary>
    /// <param name="least">The level while the taker keeps up.</param>
    /// <param name="most">The level for a slow one.</param>
    public LevelByLink(int least, int most) => (_least, _most, Level) = (least, most, least);

    /// <summary>The level to take.</summary>
    public int Level { get; private set; }

    /// <summary>Looks again, twice a second.</summary>
    /// <param name="now">Since the beginning.</param>
    /// <param name="waited">How much of it was spent waiting for the taker.</param>
    /// <param name="sent">Bytes that it took.</param>
    public void Judge(TimeSpan now, TimeSpan waited, long sent)
    {
        var (passed, of, bytes) = (now - _at, waited - _waited, sent - _sent);
        if (passed < Look)
            return;
        (_at, _waited, _sent) = (now, waited, sent);
        // Apart, so that it does not go to and fro: compressing harder takes from the waiting.
        if (of > passed * 0.5 && bytes < passed.TotalSeconds * LinkBytesPerSecond)
            Level = _most;
        else if (of < passed * 0.1)
            Level = _least;
    }
}
