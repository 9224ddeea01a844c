using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Native;

/// <summary>What is done to an open file or folder beyond what .NET offers: numeric owners, nanoseconds, extended attributes, holes.</summary>
internal static unsafe partial class NativeFile
{
    /// <summary>AT_SYMLINK_NOFOLLOW.</summary>
    internal const int LinkItself = 0x100;

    /// <summary>STATX_BASIC_STATS.</summary>
    internal const uint BasicStatus = 0x7ff;

    /// <summary>UTIME_OMIT: leave this time as it is.</summary>
    internal const long OmitTime = (1L << 30) - 2;

    private const int EmptyPath = 0x1000;
    private const int NoSuchAddress = 6;
    private const int SeekData = 3;
    private const int SeekHole = 4;
    private const int Interrupted = 4;
    private const int OutOfRange = 34;
    private const int MaxAttribute = 64 * 1024;

    // Nearly every file has none or few and short ones; room for the largest, made for each of many files, is what the collector would then be busy with.
    private const int UsualAttribute = 1024;

    /// <summary>What the descriptor is open on.</summary>
    /// <exception cref="PathFault">The kernel refused.</exception>
    public static FileStatus StatusOf(SafeFileHandle file)
    {
        Span<byte> status = stackalloc byte[256];
        byte empty = 0;
        fixed (byte* result = status)
            Check(Status(file, &empty, EmptyPath, BasicStatus, result), "statx");
        return FileStatus.Read(status);
    }

    /// <summary>Sets the permission bits.</summary>
    /// <exception cref="PathFault">Not permitted.</exception>
    public static void SetMode(SafeFileHandle file, uint mode) => Check(ChangeMode(file, mode), "fchmod");

    /// <summary>Sets the numeric owner. It clears setid bits, so it goes before the mode.</summary>
    /// <exception cref="PathFault">Not permitted.</exception>
    public static void SetOwner(SafeFileHandle file, uint user, uint group) => Check(ChangeOwner(file, user, group), "fchown");

    /// <summary>Sets the time of the last change; the time of the last access stays.</summary>
    /// <exception cref="PathFault">Not permitted, or the file system does not have that time.</exception>
    public static void SetModified(SafeFileHandle file, long seconds, int nanoseconds)
    {
        var times = stackalloc long[4] { 0, OmitTime, seconds, nanoseconds };
        Check(SetTimes(file, times), "futimens");
    }

    /// <summary>The extended attributes' names; empty where the file system has none.</summary>
    /// <exception cref="PathFault">They could not be listed.</exception>
    public static IReadOnlyList<byte[]> AttributeNames(SafeFileHandle file)
    {
        Span<byte> few = stackalloc byte[UsualAttribute];
        var list = few;
        var length = ListInto(file, list);
        if (length < 0 && Marshal.GetLastPInvokeError() == OutOfRange)
            length = ListInto(file, list = new byte[MaxAttribute]);
        if (length < 0)
            return Marshal.GetLastPInvokeError() == PathFault.NotSupported ? [] : throw PathFault.Last("flistxattr", "a file"u8);
        if (length == 0)
            return [];
        var names = new List<byte[]>();
        for (var rest = list[..(int)length]; rest.Length > 0;)
        {
            var end = rest.IndexOf((byte)0);
            names.Add(rest[..end].ToArray());
            rest = rest[(end + 1)..];
        }
        return names;
    }

    /// <summary>The value of an extended attribute.</summary>
    /// <exception cref="PathFault">It is gone.</exception>
    public static byte[] Attribute(SafeFileHandle file, ReadOnlySpan<byte> name)
    {
        byte[] terminated = [.. name, 0];
        Span<byte> little = stackalloc byte[UsualAttribute];
        var value = little;
        var length = GetInto(file, terminated, value);
        if (length < 0 && Marshal.GetLastPInvokeError() == OutOfRange)
            length = GetInto(file, terminated, value = new byte[MaxAttribute]);
        return length >= 0 ? value[..(int)length].ToArray() : throw PathFault.Last("fgetxattr", name);
    }

    /// <summary>Reads at a place, as much as one call gives; 0 at the end.</summary>
    /// <remarks>Without .NET's own question, once for every file, whether it has places (lseek): of a tree of small files that is a tenth of the calls.</remarks>
    /// <exception cref="IOException">It could not be read; its HResult is the errno, as that of .NET's own read.</exception>
    public static int ReadAt(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        nint read;
        fixed (byte* to = buffer)
        {
            do
                read = Read(file, to, (nuint)buffer.Length, offset);
            while (read < 0 && Marshal.GetLastPInvokeError() == Interrupted);
        }
        if (read < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            throw new IOException(Marshal.GetPInvokeErrorMessage(error), error);
        }
        return (int)read;
    }

    /// <summary>Sets an extended attribute.</summary>
    /// <exception cref="PathFault">The file system has none, or there is no room.</exception>
    public static void SetAttribute(SafeFileHandle file, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        byte[] terminated = [.. name, 0];
        fixed (byte* text = terminated, content = value)
            Check(SetAttributeOf(file, text, content, (nuint)value.Length, 0), "fsetxattr");
    }

    /// <summary>The next part of a file that is no hole, from <paramref name="from"/> on; null when only a hole follows.</summary>
    /// <remarks>A file system that knows no holes says that everything is data (lseek(2)).</remarks>
    public static (long Start, long End)? NextData(SafeFileHandle file, long from, long size)
    {
        var start = Seek(file, from, SeekData);
        if (start < 0)
            return Marshal.GetLastPInvokeError() == NoSuchAddress ? null : (from, size);
        var end = Seek(file, start, SeekHole);
        return start >= size ? null : (start, end < 0 ? size : Math.Min(end, size));
    }

    /// <summary>Makes everything on the file system of <paramref name="file"/> durable: one call instead of one fsync a file.</summary>
    /// <remarks>Since Linux 5.8 it reports an error of any write-back since the descriptor was opened (syncfs(2)).</remarks>
    /// <exception cref="PathFault">Something was not written.</exception>
    public static void SyncFileSystem(SafeFileHandle file) => Check(SyncFs(file), "syncfs");

    private static nint ListInto(SafeFileHandle file, Span<byte> list)
    {
        fixed (byte* to = list)
            return ListAttributes(file, to, (nuint)list.Length);
    }

    private static nint GetInto(SafeFileHandle file, byte[] name, Span<byte> value)
    {
        fixed (byte* text = name, to = value)
            return GetAttribute(file, text, to, (nuint)value.Length);
    }

    private static void Check(int result, string call)
    {
        if (result < 0)
            throw PathFault.Last(call, "an open file"u8);
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int Status(SafeFileHandle file, byte* path, int flags, uint mask, byte* status);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    private static partial int ChangeMode(SafeFileHandle file, uint mode);

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int ChangeOwner(SafeFileHandle file, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "futimens", SetLastError = true)]
    private static partial int SetTimes(SafeFileHandle file, long* times);

    [LibraryImport("libc", EntryPoint = "flistxattr", SetLastError = true)]
    private static partial nint ListAttributes(SafeFileHandle file, byte* list, nuint size);

    [LibraryImport("libc", EntryPoint = "fgetxattr", SetLastError = true)]
    private static partial nint GetAttribute(SafeFileHandle file, byte* name, byte* value, nuint size);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    private static partial nint Read(SafeFileHandle file, byte* buffer, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "fsetxattr", SetLastError = true)]
    private static partial int SetAttributeOf(SafeFileHandle file, byte* name, byte* value, nuint size, int flags);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(SafeFileHandle file, long offset, int origin);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFs(SafeFileHandle file);
}
