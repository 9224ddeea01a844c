namespace Mcp.Archive;

/// <summary>What may be in an archive; everything else is refused.</summary>
internal enum EntryKind
{
    /// <summary>A directory.</summary>
    Directory,

    /// <summary>A regular file with its content.</summary>
    File,

    /// <summary>A symbolic link.</summary>
    SymbolicLink,

    /// <summary>A further name of an earlier regular file.</summary>
    HardLink,
}

/// <summary>An extended attribute; only <c>user.*</c> travels.</summary>
/// <param name="Name">Bytes, with the prefix <c>user.</c>.</param>
/// <param name="Value">Bytes.</param>
internal sealed record EntryAttribute(byte[] Name, byte[] Value);

/// <summary>
/// One entry of an archive, as it finally is: long names and extended headers are resolved. Names and targets are bytes.
/// </summary>
internal sealed record ArchiveEntry
{
    /// <summary>What it is.</summary>
    public required EntryKind Kind { get; init; }

    /// <summary>The path below the service's directory, without a leading <c>./</c> and a final slash; empty: the directory itself.</summary>
    public required byte[] Name { get; init; }

    /// <summary>Permission bits, at most 0777.</summary>
    public uint Mode { get; init; }

    /// <summary>Numeric owner.</summary>
    public uint User { get; init; }

    /// <summary>Numeric group.</summary>
    public uint Group { get; init; }

    /// <summary>Bytes of content; 0 of everything but a file.</summary>
    public long Size { get; init; }

    /// <summary>Of the last change: seconds since 1970, negative before.</summary>
    public long ModifiedSeconds { get; init; }

    /// <summary>0 to 999,999,999.</summary>
    public int ModifiedNanoseconds { get; init; }

    /// <summary>Of a link: where it leads; of a hard link the normalised name of the earlier entry.</summary>
    public byte[] Target { get; init; } = [];

    /// <summary>Extended attributes <c>user.*</c>.</summary>
    public IReadOnlyList<EntryAttribute> Attributes { get; init; } = [];

    /// <summary>What was left out of it on the way in words: setid bits, foreign attributes. Empty: nothing.</summary>
    public IReadOnlyList<string> LeftOut { get; init; } = [];
}
