using System.Runtime.InteropServices;
using Mcp.Native;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Agent.Ownership;

/// <summary>
/// An open folder, and what is done in it without ever walking a path again: a container of the service may swap a folder for a link at any
/// moment, so every step is relative to a descriptor and refuses links (openat2(2): RESOLVE_BENEATH, NO_SYMLINKS, NO_MAGICLINKS).
/// </summary>
internal sealed partial class FolderHandle : IDisposable
{
    private const int CloseOnExec = 0x80000;
    private const int ReadOnly = 0;
    private const int WriteOnly = 1;
    private const int Create = 0x40;
    private const int Exclusive = 0x80;
    private const int NonBlocking = 0x800;
    private const int NotFound = 2;
    private const int Exists = 17;
    private const int RemoveDirectory = 0x200;

    // x86-64 and arm64 number these differently (asm/fcntl.h).
    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
    private static readonly int DirectoryOnly = Arm ? 0x4000 : 0x10000;
    private static readonly int NoFollow = Arm ? 0x8000 : 0x20000;

    private readonly SafeFileHandle _handle;

    private FolderHandle(SafeFileHandle handle, string path)
    {
        _handle = handle;
        Path = path;
    }

    /// <summary>The folder as it was named; for messages only.</summary>
    public string Path { get; }

    /// <summary>Opens a folder by its path, links on the way included: for the data root, which the operator named.</summary>
    public static FolderHandle Open(string path)
    {
        var descriptor = OpenPath(path, ReadOnly | DirectoryOnly | CloseOnExec);
        return descriptor >= 0 ? new FolderHandle(new SafeFileHandle(descriptor, ownsHandle: true), path) : throw Fault($"open of {path}");
    }

    /// <summary>Opens the folder <paramref name="name"/> in this one, or null when there is nothing of that name.</summary>
    /// <exception cref="IOException">It is a link, a file, or not permitted.</exception>
    public FolderHandle? TryOpenFolder(string name)
    {
        var descriptor = OpenBeneath(name, ReadOnly | DirectoryOnly | NoFollow | CloseOnExec);
        if (descriptor >= 0)
            return new FolderHandle(new SafeFileHandle(descriptor, ownsHandle: true), System.IO.Path.Combine(Path, name));
        return Marshal.GetLastPInvokeError() == NotFound ? null : throw Fault($"open of the folder {System.IO.Path.Combine(Path, name)}");
    }

    /// <summary>Opens the folder <paramref name="name"/>, made with <paramref name="mode"/> and <paramref name="owner"/> when it is missing.</summary>
    /// <exception cref="IOException">It is a link, a file, or not permitted.</exception>
    public (FolderHandle Folder, bool Made) EnsureFolder(string name, uint mode, (uint User, uint Group)? owner = null)
    {
        if (TryOpenFolder(name) is { } there)
            return (there, false);
        var isOurs = MakeDirectory(_handle, name, mode) == 0;
        if (!isOurs && Marshal.GetLastPInvokeError() != Exists)
            throw Fault($"mkdir of {System.IO.Path.Combine(Path, name)}");
        var made = TryOpenFolder(name) ?? throw new IOException($"the folder {System.IO.Path.Combine(Path, name)} vanished while it was made");
        try
        {
            // The umask may have taken bits away. The new folder is empty: nobody can have put a link into its place but its owner, us.
            if (ChangeMode(made._handle, mode) != 0)
                throw Fault($"chmod of {made.Path}");
            if (owner is { } o && ChangeOwner(made._handle, o.User, o.Group) != 0)
                throw Fault($"chown of {made.Path}");
            Sync();
            return (made, true);
        }
        catch
        {
            made.Dispose();
            // On a disk that fails just now, the caller goes without it and never comes back for it. It is empty: a folder that somebody has filled meanwhile stays.
            if (isOurs)
                _ = Unlink(_handle, name, RemoveDirectory);
            throw;
        }
    }

    /// <summary>Gives this folder away if it is as the agent itself makes them (its own user's, closed to all others).</summary>
    public void GiveIfOwn(uint mode, (uint User, uint Group) owner)
    {
        if (Facts is not { User: 0, Mode: 0b111_000_000 } || !Environment.IsPrivilegedProcess || owner.User == 0)
            return;
        if (ChangeOwner(_handle, owner.User, owner.Group) != 0 || ChangeMode(_handle, mode) != 0)
            throw Fault($"chown of {Path}");
    }

    /// <summary>Whether a name exists here that is neither a folder nor a link (a volume may be a single file).</summary>
    public bool IsFile(string name)
    {
        var descriptor = OpenBeneath(name, ReadOnly | NoFollow | CloseOnExec | NonBlocking);
        if (descriptor < 0)
            return false;
        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        return FactsOf(handle).IsFile;
    }

    /// <summary>Reads a small file of this folder; null when it is missing. Links, devices and larger files are refused.</summary>
    /// <exception cref="IOException">Not a plain file of at most <paramref name="maxBytes"/>.</exception>
    public byte[]? TryReadFile(string name, int maxBytes, Action<SafeFileHandle>? check = null)
    {
        var descriptor = OpenBeneath(name, ReadOnly | NoFollow | CloseOnExec | NonBlocking);
        if (descriptor < 0)
            return Marshal.GetLastPInvokeError() == NotFound ? null : throw Fault($"open of {System.IO.Path.Combine(Path, name)}");
        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (!FactsOf(handle).IsFile)
            throw new IOException($"{System.IO.Path.Combine(Path, name)} is not a plain file");
        check?.Invoke(handle);
        var buffer = new byte[maxBytes + 1];
        var length = 0;
        while (length < buffer.Length && RandomAccess.Read(handle, buffer.AsSpan(length), length) is var read and > 0)
            length += read;
        return length <= maxBytes ? buffer[..length] : throw new IOException($"{System.IO.Path.Combine(Path, name)} has more than {maxBytes} bytes");
    }

    /// <summary>The name under which <see cref="WriteFile"/> writes a file before it is in its place.</summary>
    public static string TemporaryOf(string name) => $".{name}.tmp";

    /// <summary>Replaces a small file durably; one writer at a time for each name: temporary name, fsync, rename, fsync of the folder.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="content">All of it.</param>
    /// <param name="mode">0777 bits.</param>
    /// <param name="keepTime">The folder's own time stays as it is: of a restored tree, it is the original's.</param>
    public void WriteFile(string name, ReadOnlySpan<byte> content, uint mode, bool keepTime = false)
    {
        var before = keepTime ? NativeFile.StatusOf(_handle) : default;
        // One name, so that what a killed process left is written anew instead of lying about; made exclusively, so that nothing planted is written through.
        var temporary = TemporaryOf(name);
        _ = Unlink(_handle, temporary, 0);
        var descriptor = OpenAt(_handle, temporary, WriteOnly | Create | Exclusive | NoFollow | CloseOnExec, mode);
        if (descriptor < 0)
            throw Fault($"create of {System.IO.Path.Combine(Path, temporary)}");
        try
        {
            using (var handle = new SafeFileHandle(descriptor, ownsHandle: true))
            {
                RandomAccess.Write(handle, content, 0);
                RandomAccess.FlushToDisk(handle);
            }
            if (Rename(_handle, temporary, _handle, name, 0) != 0)
                throw Fault($"rename to {System.IO.Path.Combine(Path, name)}");
        }
        catch
        {
            _ = Unlink(_handle, temporary, 0);
            throw;
        }
        if (keepTime)
            NativeFile.SetModified(_handle, before.ModifiedSeconds, before.ModifiedNanoseconds);
        Sync();
    }

    /// <summary>Moves an entry to another folder of the same file system; an existing target is never replaced.</summary>
    public void Move(string name, FolderHandle target, string newName)
    {
        const uint noReplace = 1;
        if (Rename(_handle, name, target._handle, newName, noReplace) != 0)
            throw Fault($"move of {System.IO.Path.Combine(Path, name)} to {System.IO.Path.Combine(target.Path, newName)}");
        target.Sync();
        Sync();
    }

    /// <summary>Lets two entries of the same file system change places, in one step: there is no moment at which either name leads to nothing.</summary>
    public void Exchange(string name, FolderHandle other, string otherName)
    {
        const uint exchange = 2;
        if (Rename(_handle, name, other._handle, otherName, exchange) != 0)
            throw Fault($"exchange of {System.IO.Path.Combine(Path, name)} and {System.IO.Path.Combine(other.Path, otherName)}");
        other.Sync();
        Sync();
    }

    /// <summary>Removes an empty folder or a file; false when it is missing or not empty.</summary>
    public bool TryRemove(string name, bool folder) => Unlink(_handle, name, folder ? RemoveDirectory : 0) == 0;

    /// <summary>
    /// Removes everything in this folder. Names are read as bytes (a container may have made names that are no UTF-8), each is opened without
    /// following links, and a folder that was swapped for a link is removed as the link that it is.
    /// </summary>
    /// <returns>How many bytes the removed files had.</returns>
    public ulong EraseContent() => FolderEraser.EraseContent(_handle);

    /// <summary>Makes the names in this folder durable.</summary>
    public void Sync()
    {
        if (SyncDescriptor(_handle) != 0)
            throw Fault($"fsync of {Path}");
    }

    /// <summary>Whether an entry other than <paramref name="except"/> is here.</summary>
    public bool HasEntryBeside(string? except) => Entries().Any(e => e.Name != except);

    /// <summary>The entries of this folder; names that are not UTF-8 come with replacement characters, and can still be counted.</summary>
    public IReadOnlyList<(string Name, bool IsFolder)> Entries() =>
        // /proc/self/fd names this very folder even if its path was swapped; enumeration does not follow links in it.
        [.. new DirectoryInfo($"/proc/self/fd/{_handle.DangerousGetHandle()}/").EnumerateFileSystemInfos()
            .Select(e => (e.Name, e is DirectoryInfo && e.LinkTarget is null))];

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private static IOException Fault(string what)
    {
        // ELOOP is how openat2 and O_NOFOLLOW say "a link"; its own words would send the reader looking for a loop.
        const int tooManyLinks = 40;
        return new($"{what}: {(Marshal.GetLastPInvokeError() == tooManyLinks ? "it is a symbolic link" : Marshal.GetLastPInvokeErrorMessage())}");
    }

    private int OpenBeneath(string name, int flags)
    {
        const long openat2 = 437;
        const ulong beneathWithoutLinks = 0x02 | 0x04 | 0x08;
        var how = new OpenHow { Flags = (ulong)flags, Resolve = beneathWithoutLinks };
        return (int)Syscall(openat2, _handle, name, ref how, 24);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial long Syscall(long number, SafeFileHandle folder, string path, ref OpenHow how, nint size);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenPath(string path, int flags);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenAt(SafeFileHandle folder, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeDirectory(SafeFileHandle folder, string path, uint mode);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    private static partial int ChangeMode(SafeFileHandle folder, uint mode);

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int ChangeOwner(SafeFileHandle folder, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(SafeFileHandle from, string name, SafeFileHandle to, string newName, uint flags);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unlink(SafeFileHandle folder, string name, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int SyncDescriptor(SafeFileHandle folder);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(SafeFileHandle folder, string path, int flags, uint mask, ref byte buffer);
}
