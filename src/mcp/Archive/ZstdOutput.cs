using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Mcp.Archive;

/// <summary>Compresses an archive: one zstd frame with a checksum and a window of at most 8 MiB, on several workers.</summary>
internal static class ZstdOutput
{
    /// <summary>Level 3 is zstd's own choice: on a disk's or a link's data it is near the point where more effort gains little.</summary>
    public const int DefaultLevel = 3;

    /// <summary>What higher levels need is left out of the file (packaging/unused.xml).</summary>
    public const int HighestLevel = 3;

    /// <summary>Opens the compressing stream; disposing it ends the frame and leaves <paramref name="to"/> open.</summary>
    /// <param name="to">Where the compressed bytes go.</param>
    /// <param name="level">1 to <see cref="HighestLevel"/>.</param>
    /// <param name="workers">Threads that compress; 0: the caller's own.</param>
    /// <exception cref="ArgumentOutOfRangeException">Another level.</exception>
    public static Stream Open(Stream to, int level = DefaultLevel, int workers = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(level, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(level, HighestLevel);
        var stream = new CompressionStream(to, level, 128 * 1024, leaveOpen: true);
        stream.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        if (workers > 0)
            stream.SetParameter(ZSTD_cParameter.ZSTD_c_nbWorkers, workers);
        return stream;
    }
}
