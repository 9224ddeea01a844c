using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Mcp.Cli.Doctor;

/// <summary>What the kernel says about a file and its file system beyond what the framework tells.</summary>
/// <param name="Owner">Its user id.</param>
/// <param name="Mode">Permission bits.</param>
internal sealed partial record FileFacts(uint Owner, UnixFileMode Mode)
{
    /// <summary>Who runs this process.</summary>
    public static uint EffectiveUser => Geteuid();

    /// <summary>Owner and mode; null when there is no such file or it may not be looked at. The last link is not followed.</summary>
    public static FileFacts? Of(string path)
    {
        // struct statx (statx(2)), the same on all architectures: uid at 20, mode at 28.
        const int currentFolder = -100, noFollow = 0x100;
        const uint basic = 0x7ff;
        var buffer = new byte[256];
        return Statx(currentFolder, path, noFollow, basic, buffer) == 0
            ? new FileFacts(BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(20)), (UnixFileMode)(BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(28)) & 0xFFF))
            : null;
    }

    /// <summary>Whether this process may enter a folder.</summary>
    public static bool CanEnter(string folder) => Access(folder, 1) == 0;

    /// <summary>Whether this process may read and write a file or device.</summary>
    public static bool CanReadAndWrite(string path) => Access(path, 4 | 2) == 0;

    /// <summary>The file system that <paramref name="path"/> lies on; null when it cannot be asked.</summary>
    public static FileSystemRoom? RoomOf(string path)
    {
        // struct statvfs (statvfs(3)) on 64-bit glibc: eight-byte words, of which the second is the unit of the block counts.
        var buffer = new byte[256];
        if (Statvfs(path, buffer) != 0)
            return null;
        ulong Word(int index) => BinaryPrimitives.ReadUInt64LittleEndian(buffer.AsSpan(index * 8));
        return new FileSystemRoom(Word(1) * Word(2), Word(1) * Word(4), Word(5), Word(7));
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, [Out] byte[] buffer);

    [LibraryImport("libc", EntryPoint = "statvfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statvfs(string path, [Out] byte[] buffer);

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Access(string path, int mode);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint Geteuid();
}

/// <summary>Room on a file system; bytes and inodes, those that an ordinary user may still take. Zero inodes in all: it counts none.</summary>
internal sealed record FileSystemRoom(ulong Bytes, ulong FreeBytes, ulong Inodes, ulong FreeInodes);
