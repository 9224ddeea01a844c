using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Native;

/// <summary>
/// An open folder, and what is done in it by names that are bytes. Every step is relative to the descriptor and follows no link: whoever owns
/// the files may swap a folder for a link at any moment (openat2(2): RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS).
/// Names are handed in without a final NUL and may be paths of several parts where that is said.
/// </summary>
internal sealed unsafe partial class Folder : IDisposable
{
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int NoTerminal = 0x100;
    private const int ReadWrite = 2;
    private const int Create = 0x40;
    private const int Exclusive = 0x80;
    private const ulong BeneathWithoutLinks = 0x02 | 0x04 | 0x08;

    // x86-64 and arm64 number these differently (asm/fcntl.h).
    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
    private static readonly int FolderOnly = Arm ? 0x4000 : 0x10000;
    private static readonly int NoFollow = Arm ? 0x8000 : 0x20000;

    /// <summary>Takes over an open descriptor of a folder.</summary>
    internal Folder(SafeFileHandle handle) => Handle = handle;

    /// <summary>The descriptor; for reading, fsync and attributes of the folder itself.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Opens a folder by its path, links on the way included: for a path that the operator named.</summary>
    /// <exception cref="PathFault">It is not there, or is no folder.</exception>
    public static Folder Open(string path)
    {
        var name = Terminated(System.Text.Encoding.UTF8.GetBytes(path));
        int descriptor;
        fixed (byte* text = name)
            descriptor = OpenAt(-100, text, FolderOnly | CloseOnExec, 0);
        return descriptor >= 0 ? new Folder(new SafeFileHandle(descriptor, ownsHandle: true)) : throw PathFault.Last("open", name);
    }

    /// <summary>Opens a folder beneath this one; <paramref name="path"/> may have several parts.</summary>
    /// <exception cref="PathFault">It is not there, is a link or no folder, or a link is on the way.</exception>
    public Folder OpenFolder(ReadOnlySpan<byte> path) => new(OpenBeneath(path, FolderOnly | CloseOnExec, 0));

    /// <summary>Opens a file for reading. A FIFO does not block; the caller looks at what it got (<see cref="NativeFile.StatusOf"/>).</summary>
    /// <exception cref="PathFault">It is not there, is a link, or a link is on the way.</exception>
    public SafeFileHandle OpenFile(ReadOnlySpan<byte> path) => OpenBeneath(path, CloseOnExec | NonBlocking | NoTerminal, 0);

    /// <summary>Makes a new file for reading and writing; an existing one of any kind is an error.</summary>
    /// <exception cref="PathFault">Exists, or the file system refused.</exception>
    public SafeFileHandle CreateFile(ReadOnlySpan<byte> path, uint mode) =>
        OpenBeneath(path, ReadWrite | Create | Exclusive | CloseOnExec | NoTerminal, mode);

    /// <summary>Makes a folder; its mode is cut by the umask, which the caller mends afterwards.</summary>
    /// <exception cref="PathFault">Exists, or the file system refused.</exception>
    public void MakeFolder(ReadOnlySpan<byte> name, uint mode)
    {
        Span<byte> buffer = stackalloc byte[name.Length + 1];
        fixed (byte* text = Terminate(name, buffer))
            Check(MakeDirectoryAt(Descriptor, text, mode), "mkdirat", name);
    }

    /// <summary>Makes a symbolic link with <paramref name="target"/> as its content, which is not looked at.</summary>
    /// <exception cref="PathFault">Exists, or the file system refused.</exception>
    public void MakeLink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
        var content = Terminated(target);
        Span<byte> buffer = stackalloc byte[name.Length + 1];
        fixed (byte* text = Terminate(name, buffer), to = content)
            Check(LinkTo(to, Descriptor, text), "symlinkat", name);
    }

    /// <summary>Gives an open file a further name here.</summary>
    /// <exception cref="PathFault">Exists, or the file system refused.</exception>
    public void MakeHardLink(ReadOnlySpan<byte> name, Folder from, ReadOnlySpan<byte> existing)
    {
        Span<byte> buffer = stackalloc byte[name.Length + 1], source = stackalloc byte[existing.Length + 1];
        fixed (byte* text = Terminate(name, buffer), there = Terminate(existing, source))
            Check(HardLinkAt(from.Descriptor, there, Descriptor, text, 0), "linkat", name);
    }

    /// <summary>What is there under a name of this folder, without following it.</summary>
    /// <exception cref="PathFault">Nothing is there.</exception>
    public FileStatus StatusOf(ReadOnlySpan<byte> name)
    {
        Span<byte> buffer = stackalloc byte[name.Length + 1], status = stackalloc byte[256];
        fixed (byte* text = Terminate(name, buffer), result = status)
            Check(StatusAt(Descriptor, text, NativeFile.LinkItself, NativeFile.BasicStatus, result), "statx", name);
        return FileStatus.Read(status);
    }

    /// <summary>The content of a symbolic link.</summary>
    /// <exception cref="PathFault">It is no link, or longer than a path may be.</exception>
    public byte[] TargetOf(ReadOnlySpan<byte> name)
    {
        Span<byte> buffer = stackalloc byte[name.Length + 1];
        var target = new byte[4097];
        nint length;
        fixed (byte* text = Terminate(name, buffer), result = target)
            length = ReadLinkAt(Descriptor, text, result, (nuint)target.Length);
        Check((int)length, "readlinkat", name);
        return target[..(int)length];
    }

    /// <summary>Sets owner and time of a link itself; its mode is always 0777.</summary>
    /// <exception cref="PathFault">The file system refused.</exception>
    public void SetLinkStatus(ReadOnlySpan<byte> name, (uint User, uint Group)? owner, long seconds, int nanoseconds)
    {
        Span<byte> buffer = stackalloc byte[name.Length + 1];
        fixed (byte* text = Terminate(name, buffer))
        {
            if (owner is { } o)
                Check(ChangeOwnerAt(Descriptor, text, o.User, o.Group, NativeFile.LinkItself), "fchownat", name);
            var times = stackalloc long[4] { 0, NativeFile.OmitTime, seconds, nanoseconds };
            Check(SetTimesAt(Descriptor, text, times, NativeFile.LinkItself), "utimensat", name);
        }
    }

    /// <summary>The names in this folder as bytes, in byte order, without <c>.</c> and <c>..</c>.</summary>
    /// <exception cref="PathFault">It could not be read.</exception>
    public List<byte[]> Names()
    {
        var names = FolderNames.Read(Handle);
        names.Sort(static (a, b) => a.AsSpan().SequenceCompareTo(b));
        return names;
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    private int Descriptor => (int)Handle.DangerousGetHandle();

    private SafeFileHandle OpenBeneath(ReadOnlySpan<byte> path, int flags, uint mode)
    {
        const long openat2 = 437;
        var how = new OpenHow { Flags = (ulong)(flags | NoFollow), Mode = mode, Resolve = BeneathWithoutLinks };
        Span<byte> buffer = path.Length < 1024 ? stackalloc byte[path.Length + 1] : new byte[path.Length + 1];
        long descriptor;
        fixed (byte* text = Terminate(path, buffer))
            descriptor = Syscall(openat2, Descriptor, text, &how, sizeof(OpenHow));
        return descriptor >= 0 ? new SafeFileHandle((nint)descriptor, ownsHandle: true) : throw PathFault.Last("openat2", path);
    }

    private static void Check(int result, string call, ReadOnlySpan<byte> name)
    {
        if (result < 0)
            throw PathFault.Last(call, name);
    }

    private static Span<byte> Terminate(ReadOnlySpan<byte> name, Span<byte> buffer)
    {
        name.CopyTo(buffer);
        buffer[name.Length] = 0;
        return buffer;
    }

    private static byte[] Terminated(ReadOnlySpan<byte> name) => [.. name, 0];

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Syscall(long number, int folder, byte* path, OpenHow* how, nint size);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    private static partial int OpenAt(int folder, byte* path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true)]
    private static partial int MakeDirectoryAt(int folder, byte* path, uint mode);

    [LibraryImport("libc", EntryPoint = "symlinkat", SetLastError = true)]
    private static partial int LinkTo(byte* target, int folder, byte* path);

    [LibraryImport("libc", EntryPoint = "linkat", SetLastError = true)]
    private static partial int HardLinkAt(int from, byte* existing, int folder, byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "readlinkat", SetLastError = true)]
    private static partial nint ReadLinkAt(int folder, byte* path, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "fchownat", SetLastError = true)]
    private static partial int ChangeOwnerAt(int folder, byte* path, uint user, uint group, int flags);

    [LibraryImport("libc", EntryPoint = "utimensat", SetLastError = true)]
    private static partial int SetTimesAt(int folder, byte* path, long* times, int flags);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int StatusAt(int folder, byte* path, int flags, uint mask, byte* status);
}
