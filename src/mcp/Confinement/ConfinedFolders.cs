namespace Mcp.Confinement;

/// <summary>All that a confined child can reach of the file system, and how much it may take.</summary>
internal sealed record ConfinedFolders
{
    /// <summary>Folders (absolute paths) that it may read, with all that is below; nothing in them can be changed.</summary>
    public IReadOnlyList<string> Reading { get; init; } = [];

    /// <summary>Folders (absolute paths) in which it may read, make, change and remove files and folders; never devices, sockets or FIFOs.</summary>
    public IReadOnlyList<string> Writing { get; init; } = [];

    /// <summary>Bytes of memory that it may write to (RLIMIT_DATA): enough for the windows of several compressing threads.</summary>
    public long Memory { get; init; } = 768L << 20;

    /// <summary>Processor time (RLIMIT_CPU): a terabyte at a slow core's speed, and an end for what turns in a circle.</summary>
    public TimeSpan ProcessorTime { get; init; } = TimeSpan.FromHours(12);

    /// <summary>Bytes of the largest file that it may write (RLIMIT_FSIZE); null: as the system allows.</summary>
    public long? LargestFile { get; init; }
}
