namespace Mcp.Archive;

/// <summary>What an archive may ask for at most. Each limit is checked before anything is allocated or written for it.</summary>
internal sealed record ArchiveLimits
{
    /// <summary>An extended header or a GNU long name: 64 KiB hold any real path and the attributes of any sane file.</summary>
    public const int ExtendedHeader = 64 * 1024;

    /// <summary>PATH_MAX without the final NUL (linux/limits.h).</summary>
    public const int PathBytes = 4095;

    /// <summary>NAME_MAX (linux/limits.h).</summary>
    public const int PartBytes = 255;

    /// <summary>Levels of directories: each open level holds a descriptor, and nobody keeps data deeper.</summary>
    public const int Depth = 256;

    /// <summary>Zeros behind the end marks: tars fill up their last record, of 10 KiB where nobody said otherwise and never more than this.</summary>
    public const int Padding = 64 * 1024 * 1024;

    /// <summary>An attribute's name: XATTR_NAME_MAX (linux/limits.h).</summary>
    public const int AttributeName = 255;

    /// <summary>The window of a zstd frame in bytes: what a reader must keep in memory.</summary>
    public const int WindowLog = 23;

    /// <summary>0001-01-01 in seconds since 1970.</summary>
    public const long EarliestTime = -62_135_596_800;

    /// <summary>The end of the year 9999.</summary>
    public const long LatestTime = 253_402_300_799;

    /// <summary>How many entries.</summary>
    public long Entries { get; init; } = 20_000_000;

    /// <summary>How many bytes of content and extended headers, all entries together: what was announced, or what the disk has free.</summary>
    public long Bytes { get; init; } = long.MaxValue;
}
