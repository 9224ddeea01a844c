using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Native;

/// <summary>Reads the names of an open folder by getdents64(2): <c>Directory.Enumerate…</c> would lose names that are not UTF-8.</summary>
internal static unsafe partial class FolderNames
{
    private static readonly long GetDents = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 61 : 217;

    /// <summary>All names but <c>.</c> and <c>..</c>, in the order of the file system.</summary>
    /// <exception cref="PathFault">The folder could not be read.</exception>
    public static List<byte[]> Read(SafeFileHandle folder)
    {
        var names = new List<byte[]>();
        var descriptor = (int)folder.DangerousGetHandle();
        _ = Seek(descriptor, 0, 0);
        Span<byte> buffer = new byte[32 * 1024];
        fixed (byte* start = buffer)
        {
            while (true)
            {
                var read = (int)Syscall(GetDents, descriptor, start, (nuint)buffer.Length);
                if (read < 0)
                    throw PathFault.Last("getdents64", "a folder"u8);
                if (read == 0)
                    return names;
                Take(buffer[..read], names);
            }
        }
    }

    // struct linux_dirent64: 8 bytes inode, 8 bytes offset, 2 bytes length, 1 byte type, the name with its NUL.
    private static void Take(ReadOnlySpan<byte> entries, List<byte[]> names)
    {
        while (entries.Length > 0)
        {
            var length = BitConverter.ToUInt16(entries[16..]);
            var raw = entries[19..length];
            var name = raw[..raw.IndexOf((byte)0)];
            if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                names.Add(name.ToArray());
            entries = entries[length..];
        }
    }

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(int folder, long offset, int origin);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Syscall(long number, int folder, byte* buffer, nuint size);
}
