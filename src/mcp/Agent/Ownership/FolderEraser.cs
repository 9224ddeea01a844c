using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Agent.Ownership;

/// <summary>
/// Removes a tree by descriptors: getdents64(2), openat(2) with O_NOFOLLOW, unlinkat(2). Names stay bytes throughout, since <c>File.*</c>
/// cannot even open one that is no UTF-8, and a path is never walked twice.
/// </summary>
internal static unsafe partial class FolderEraser
{
    // Deeper trees do not come from honest services; each level holds one descriptor.
    private const int MaxDepth = 900;
    private const int CloseOnExec = 0x80000;
    private const int RemoveDirectory = 0x200;
    private const byte TypeDirectory = 4;
    private const byte TypeUnknown = 0;
    private const int IsDirectoryError = 21;
    private const int NotFound = 2;

    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
    private static readonly int OpenFlags = CloseOnExec | (Arm ? 0x4000 | 0x8000 : 0x10000 | 0x20000);

    /// <summary>Removes every entry of the folder and gives the size of the files that went.</summary>
    /// <exception cref="IOException">Something could not be removed; the rest is still there.</exception>
    public static ulong EraseContent(SafeFileHandle folder) => Erase((int)folder.DangerousGetHandle(), 0);

    private static ulong Erase(int folder, int depth)
    {
        if (depth > MaxDepth)
            throw new IOException($"the tree is deeper than {MaxDepth} folders");
        var bytes = 0UL;
        // Names are read anew until none is left: removing while reading may skip some.
        while (Names(folder) is { Count: > 0 } names)
        {
            foreach (var (name, type) in names)
                bytes += EraseEntry(folder, name, type, depth);
        }
        return bytes;
    }

    private static ulong EraseEntry(int folder, byte[] name, byte type, int depth)
    {
        var bytes = 0UL;
        fixed (byte* text = name)
        {
            if (type is not (TypeDirectory or TypeUnknown))
                bytes = SizeOf(folder, text);
            if (type is not TypeDirectory)
            {
                if (Unlink(folder, text, 0) == 0 || Marshal.GetLastPInvokeError() == NotFound)
                    return bytes;
                if (Marshal.GetLastPInvokeError() != IsDirectoryError)
                    throw Fault(name);
            }
            var descriptor = Open(folder, text, OpenFlags);
            if (descriptor < 0)
                throw Fault(name);
            using (new SafeFileHandle(descriptor, ownsHandle: true))
                bytes += Erase(descriptor, depth + 1);
            if (Unlink(folder, text, RemoveDirectory) != 0 && Marshal.GetLastPInvokeError() != NotFound)
                throw Fault(name);
        }
        return bytes;
    }

    // struct linux_dirent64 (getdents64(2)): 8 bytes inode, 8 bytes offset, 2 bytes length, 1 byte type, the name with its NUL.
    private static List<(byte[] Name, byte Type)> Names(int folder)
    {
        var names = new List<(byte[], byte)>();
        Span<byte> buffer = new byte[32 * 1024];
        _ = Seek(folder, 0, 0);
        fixed (byte* start = buffer)
        {
            while (true)
            {
                var read = (int)Syscall(Arm ? 61 : 217, folder, start, (nuint)buffer.Length);
                if (read < 0)
                    throw new IOException($"getdents64: {Marshal.GetLastPInvokeErrorMessage()}");
                if (read == 0)
                    return names;
                for (var at = 0; at < read;)
                {
                    var length = BitConverter.ToUInt16(buffer[(at + 16)..]);
                    var raw = buffer[(at + 19)..(at + length)];
                    var name = raw[..(raw.IndexOf((byte)0) + 1)];
                    if (!name.SequenceEqual(".\0"u8) && !name.SequenceEqual("..\0"u8))
                        names.Add((name.ToArray(), buffer[at + 18]));
                    at += length;
                }
            }
        }
    }

    private static ulong SizeOf(int folder, byte* name)
    {
        // struct statx (statx(2)): stx_size is the 64-bit word at offset 40.
        Span<byte> buffer = stackalloc byte[256];
        const int noFollow = 0x100;
        fixed (byte* result = buffer)
            return Statx(folder, name, noFollow, 0x200, result) == 0 ? BitConverter.ToUInt64(buffer[40..]) : 0;
    }

    private static IOException Fault(byte[] name) =>
        new($"{Mcp.Text.Printable.Line(System.Text.Encoding.UTF8.GetString(name).TrimEnd('\0'), 200)}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    private static partial int Unlink(int folder, byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    private static partial int Open(int folder, byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(int folder, long offset, int origin);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int Statx(int folder, byte* path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Syscall(long number, int folder, byte* buffer, nuint size);
}
