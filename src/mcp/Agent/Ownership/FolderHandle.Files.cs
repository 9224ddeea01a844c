using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Agent.Ownership;

/// <summary>What statx(2) says of an entry.</summary>
/// <param name="Type">The type bits of <c>st_mode</c>.</param>
/// <param name="Mode">Its 0777 bits.</param>
/// <param name="User">The owner's number.</param>
/// <param name="Group">The group's number.</param>
/// <param name="Bytes">A file's length.</param>
/// <param name="Inode">Its number on its file system; a rename keeps it.</param>
internal readonly record struct EntryFacts(uint Type, uint Mode, uint User, uint Group, ulong Bytes, ulong Inode)
{
    /// <summary>A plain file.</summary>
    public bool IsFile => Type == 0x8000;

    /// <summary>A folder.</summary>
    public bool IsFolder => Type == 0x4000;

    /// <summary>In words, for refusals.</summary>
    public string Word => Type switch
    {
        0x8000 => "a file",
        0x4000 => "a directory",
        0xa000 => "a symbolic link",
        0x1000 => "a FIFO",
        0xc000 => "a socket",
        _ => "a device",
    };
}

/// <summary>Files of any size in a folder, for push and pull.</summary>
internal sealed partial class FolderHandle
{
    private const int PathOnly = 0x200000;

    /// <summary>What this folder is.</summary>
    public EntryFacts Facts => FactsOf(_handle);

    /// <summary>What an open file is.</summary>
    public static EntryFacts FactsOf(SafeFileHandle handle)
    {
        const int emptyPath = 0x1000;
        Span<byte> buffer = stackalloc byte[256];
        return Statx(handle, "", emptyPath, 0x7ff, ref MemoryMarshal.GetReference(buffer)) == 0 ? Read(buffer) : throw Fault("statx");
    }

    /// <summary>What lies here under <paramref name="name"/>, itself and not what it may lead to; null when nothing does.</summary>
    public EntryFacts? TryFacts(string name)
    {
        const int noFollow = 0x100;
        Span<byte> buffer = stackalloc byte[256];
        if (Statx(_handle, name, noFollow, 0x7ff, ref MemoryMarshal.GetReference(buffer)) == 0)
            return Read(buffer);
        return Marshal.GetLastPInvokeError() == NotFound ? null : throw Fault($"statx of {System.IO.Path.Combine(Path, name)}");
    }

    /// <summary>Opens a plain file for reading; null when there is nothing of that name.</summary>
    /// <exception cref="IOException">It is not a plain file, or may not be read.</exception>
    public SafeFileHandle? TryOpenFile(string name)
    {
        var found = OpenBeneath(name, PathOnly | NoFollow | CloseOnExec);
        if (found < 0)
            return Marshal.GetLastPInvokeError() == NotFound ? null : throw Fault($"open of {System.IO.Path.Combine(Path, name)}");
        // Looked at before it is opened for reading: to open a device or a FIFO can itself do something. The descriptor stays what it is
        // whatever happens to the name, and is opened anew through its own number.
        using var handle = new SafeFileHandle(found, ownsHandle: true);
        var facts = FactsOf(handle);
        if (!facts.IsFile)
            throw new IOException($"{System.IO.Path.Combine(Path, name)} is {facts.Word}, not a plain file");
        var descriptor = OpenPath($"/proc/self/fd/{found}", ReadOnly | CloseOnExec | NonBlocking);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Fault($"open of {System.IO.Path.Combine(Path, name)}");
    }

    /// <summary>Makes a new file that only its owner may read; a file of that name that is there already is refused.</summary>
    public SafeFileHandle CreateFile(string name)
    {
        var descriptor = OpenAt(_handle, name, WriteOnly | Create | Exclusive | NoFollow | CloseOnExec, 0b110_000_000);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Fault($"create of {System.IO.Path.Combine(Path, name)}");
    }

    /// <summary>Gives a finished file its owner and mode and makes it durable.</summary>
    public static void Finish(SafeFileHandle file, uint mode, (uint User, uint Group)? owner)
    {
        if (owner is { } o && ChangeOwner(file, o.User, o.Group) != 0)
            throw Fault("chown");
        // After the owner: chown(2) may clear bits.
        if (ChangeMode(file, mode) != 0)
            throw Fault("chmod");
        if (SyncDescriptor(file) != 0)
            throw Fault("fsync");
    }

    /// <summary>Gives a finished file its name, durably; what has that name is replaced, or with <paramref name="overwrite"/> unset refused.</summary>
    public void Place(string temporary, string name, bool overwrite)
    {
        const uint noReplace = 1;
        if (Rename(_handle, temporary, _handle, name, overwrite ? 0 : noReplace) != 0)
            throw Fault($"rename to {System.IO.Path.Combine(Path, name)}");
        Sync();
    }

    /// <summary>Where this very folder is, without links on the way.</summary>
    public string RealPath => new FileInfo($"/proc/self/fd/{_handle.DangerousGetHandle()}").LinkTarget ?? Path;

    /// <summary>Free bytes of the file system that this folder is on.</summary>
    public ulong FreeBytes() => (ulong)new DriveInfo($"/proc/self/fd/{_handle.DangerousGetHandle()}/").AvailableFreeSpace;

    // struct statx (statx(2)): uid at 20, gid at 24, mode at 28 (16 bits), inode at 32, size at 40.
    private static EntryFacts Read(ReadOnlySpan<byte> buffer)
    {
        uint mode = BitConverter.ToUInt16(buffer[28..]);
        return new EntryFacts(mode & 0xf000, mode & 0x1ff, BitConverter.ToUInt32(buffer[20..]), BitConverter.ToUInt32(buffer[24..]), BitConverter.ToUInt64(buffer[40..]),
            BitConverter.ToUInt64(buffer[32..]));
    }
}
