using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Mcp.Archive;

/// <summary>
/// Compresses an archive: one zstd frame with a checksum and a window of 2 MiB, on several workers. The level may change on the way, since what it should be is known only
/// then: on a fast link the processor is what one waits for, on a slow one the link. Data that is compressed already is passed over at every level.
/// </summary>
internal sealed class ZstdOutput : IDisposable
{
    /// <summary>
    /// Level 2 with a larger table (<see cref="TableLog"/>): within 0 to 3 % of the bytes of zstd's own choice, level 3, for a sixth to two fifths less of the processor (docs/benchmarks.md).
    /// </summary>
    public const int DefaultLevel = 2;

    /// <summary>The level at which a fast link is not kept waiting, for a tenth more bytes.</summary>
    public const int FastLevel = 1;

    /// <summary>What higher levels need is left out of the file (packaging/unused.xml).</summary>
    public const int HighestLevel = 3;

    /// <summary>
    /// Level 2 looks back through one table, of 2^16 places by itself; so many more take what it loses to the two tables of level 3. Half a megabyte: more no longer stays near
    /// the processor.
    /// </summary>
    private const int TableLog = 17;

    // What one worker gets at once. Several of them wait on either side of each worker, so this, not the window, is what the memory of a child is made of.
    private const int JobBytes = 2 * 1024 * 1024;

    private const int WindowLog = 21;

    private readonly CompressionStream _stream;
    private readonly bool _changes;
    private int _level;

    private ZstdOutput(CompressionStream stream, int level, bool changes) => (_stream, _level, _changes) = (stream, level, changes);

    /// <summary>Where the archive is written to.</summary>
    public Stream Stream => _stream;

    /// <summary>Opens one that can change its level; disposing it ends the frame and leaves <paramref name="to"/> open.</summary>
    /// <param name="to">Where the compressed bytes go.</param>
    /// <param name="level">1 to <see cref="HighestLevel"/>, to begin with.</param>
    /// <param name="workers">Threads that compress; 0: the caller's own, and then the level stays.</param>
    /// <exception cref="ArgumentOutOfRangeException">Another level.</exception>
    public static ZstdOutput Begin(Stream to, int level, int workers) => new(Open(to, level, workers), level, workers > 0);

    /// <summary>Opens the compressing stream; disposing it ends the frame and leaves <paramref name="to"/> open.</summary>
    /// <param name="to">Where the compressed bytes go.</param>
    /// <param name="level">1 to <see cref="HighestLevel"/>.</param>
    /// <param name="workers">Threads that compress; 0: the caller's own.</param>
    /// <exception cref="ArgumentOutOfRangeException">Another level.</exception>
    public static CompressionStream Open(Stream to, int level = DefaultLevel, int workers = 0)
    {
        RequireLevel(level);
        var stream = new CompressionStream(to, level, 128 * 1024, leaveOpen: true);
        stream.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        stream.SetParameter(ZSTD_cParameter.ZSTD_c_windowLog, WindowLog);
        stream.SetParameter(ZSTD_cParameter.ZSTD_c_hashLog, TableOf(level));
        if (workers > 0)
        {
            stream.SetParameter(ZSTD_cParameter.ZSTD_c_nbWorkers, workers);
            stream.SetParameter(ZSTD_cParameter.ZSTD_c_jobSize, JobBytes);
        }
        return stream;
    }

    /// <summary>Takes another level from the next piece on that a worker gets.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Another level than there are.</exception>
    public void Change(int level)
    {
        RequireLevel(level);
        if (level == _level || !_changes)
            return;
        _stream.SetParameter(ZSTD_cParameter.ZSTD_c_compressionLevel, level);
        _stream.SetParameter(ZSTD_cParameter.ZSTD_c_hashLog, TableOf(level));
        _level = level;
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    // 0: the level's own.
    private static int TableOf(int level) => level == DefaultLevel ? TableLog : 0;

    private static void RequireLevel(int level)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(level, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(level, HighestLevel);
    }
}
