namespace Mcp.Native;

/// <summary>What the kernel says of a file, from struct statx (statx(2)).</summary>
/// <param name="Mode">Type and permission bits, as st_mode.</param>
/// <param name="Links">How many names it has.</param>
/// <param name="User">Numeric owner.</param>
/// <param name="Group">Numeric group.</param>
/// <param name="Size">Bytes.</param>
/// <param name="ModifiedSeconds">Since 1970, negative before.</param>
/// <param name="ModifiedNanoseconds">0 to 999,999,999.</param>
/// <param name="AllocatedBytes">What it takes on the disk; less than <paramref name="Size"/>: it has holes, or the file system compresses.</param>
/// <param name="Device">The file system.</param>
/// <param name="Inode">The file on it.</param>
internal readonly record struct FileStatus(
    uint Mode, uint Links, uint User, uint Group, long Size, long ModifiedSeconds, int ModifiedNanoseconds, long AllocatedBytes, ulong Device, ulong Inode)
{
    private const uint TypeMask = 0xf000;

    /// <summary>S_IFREG.</summary>
    public bool IsFile => (Mode & TypeMask) == 0x8000;

    /// <summary>S_IFDIR.</summary>
    public bool IsFolder => (Mode & TypeMask) == 0x4000;

    /// <summary>S_IFLNK.</summary>
    public bool IsLink => (Mode & TypeMask) == 0xa000;

    /// <summary>S_IFIFO or S_IFSOCK: where processes meet; it holds nothing.</summary>
    public bool IsMeetingPoint => (Mode & TypeMask) is 0x1000 or 0xc000;

    /// <summary>What it is in words, for messages.</summary>
    public string Kind => (Mode & TypeMask) switch
    {
        0x8000 => "file",
        0x4000 => "directory",
        0xa000 => "symbolic link",
        0x6000 => "block device",
        0x2000 => "character device",
        0x1000 => "FIFO",
        0xc000 => "socket",
        _ => "unknown kind of file",
    };

    /// <summary>Whether both are the same file, however it was reached.</summary>
    public bool IsSameFile(in FileStatus other) => Device == other.Device && Inode == other.Inode && (Mode & TypeMask) == (other.Mode & TypeMask);

    // Offsets in struct statx, include/uapi/linux/stat.h.
    internal static FileStatus Read(ReadOnlySpan<byte> statx) => new(
        BitConverter.ToUInt16(statx[28..]),
        BitConverter.ToUInt32(statx[16..]),
        BitConverter.ToUInt32(statx[20..]),
        BitConverter.ToUInt32(statx[24..]),
        BitConverter.ToInt64(statx[40..]),
        BitConverter.ToInt64(statx[112..]),
        BitConverter.ToInt32(statx[120..]),
        512 * BitConverter.ToInt64(statx[48..]),
        (ulong)BitConverter.ToUInt32(statx[136..]) << 32 | BitConverter.ToUInt32(statx[140..]),
        BitConverter.ToUInt64(statx[32..]));
}
