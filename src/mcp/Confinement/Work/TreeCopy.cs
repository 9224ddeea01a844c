using System.Runtime.InteropServices;
using Mcp.Archive;
using Mcp.Native;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Confinement.Work;

/// <summary>
/// Copies a tree that lies still: owners, modes, times, attributes, hard links and holes as they are. Where the file system can, the files share
/// their blocks with the originals (copy_file_range(2)), and the copy takes no room. Sockets, FIFOs and devices are not copied: a service makes
/// its own. Nothing is followed.
/// </summary>
/// <param name="owners">Whether numeric owners are set.</param>
/// <param name="keepRoot">The folder itself stays its maker's.</param>
/// <param name="room">Bytes that it may take at most.</param>
internal sealed unsafe partial class TreeCopy(bool owners, bool keepRoot, long room)
{
    private const long OneCall = 64L << 20;

    private readonly Dictionary<(ulong Device, ulong Inode), byte[]> _linked = [];
    private Folder? _result;
    private long _room = room;

    /// <summary>Copies what is in <paramref name="from"/> into the empty <paramref name="to"/>, and what it is.</summary>
    /// <exception cref="ArchiveException">There is no room.</exception>
    /// <exception cref="IOException">The disk is full or failed.</exception>
    public void Run(Folder from, Folder to, CancellationToken cancellation)
    {
        _result = to;
        Walk(from, to, [], cancellation);
    }

    private void Walk(Folder from, Folder to, byte[] path, CancellationToken cancellation)
    {
        foreach (var name in from.Names())
        {
            cancellation.ThrowIfCancellationRequested();
            byte[] full = path.Length == 0 ? name : [.. path, (byte)'/', .. name];
            if (full.AsSpan().SequenceEqual(EntryRules.Marker))
                continue;
            var status = from.StatusOf(name);
            if (status.IsFolder)
            {
                to.MakeFolder(name, 0x1c0);
                using var inner = from.OpenFolder(name);
                using var copy = to.OpenFolder(name);
                Walk(inner, copy, full, cancellation);
            }
            else if (status.IsLink)
            {
                to.MakeLink(name, from.TargetOf(name));
                to.SetLinkStatus(name, owners ? (status.User, status.Group) : null, status.ModifiedSeconds, status.ModifiedNanoseconds);
            }
            else if (status.IsFile && !TryLink(to, name, full, status))
            {
                CopyFile(from, to, name, full, cancellation);
            }
        }
        // After what is in it: making entries changes a folder's time.
        if (path.Length > 0 || !keepRoot)
            Dress(from.Handle, to.Handle);
    }

    private bool TryLink(Folder to, byte[] name, byte[] full, in FileStatus status)
    {
        if (status.Links < 2 || _linked.TryAdd((status.Device, status.Inode), full))
            return false;
        var first = _linked[(status.Device, status.Inode)];
        using var folder = EntryName.Parent(first) is { Length: > 0 } parent ? _result!.OpenFolder(parent) : _result!.OpenFolder("."u8);
        to.MakeHardLink(name, folder, EntryName.Leaf(first));
        return true;
    }

    private void CopyFile(Folder from, Folder to, byte[] name, byte[] full, CancellationToken cancellation)
    {
        using var source = from.OpenFile(name);
        var status = NativeFile.StatusOf(source);
        if (!status.IsFile)
            return;
        _room -= status.AllocatedBytes;
        if (_room < 0)
            throw new ArchiveException("leaves no room for a copy of the data that is there, which it is to be laid over", full);
        using var target = to.CreateFile(name, 0x180);
        for (var at = 0L; at < status.Size && NativeFile.NextData(source, at, status.Size) is { } data; at = data.End)
            CopyRange(source, target, data.Start, data.End, cancellation);
        RandomAccess.SetLength(target, status.Size);
        Dress(source, target);
    }

    private static void CopyRange(SafeFileHandle source, SafeFileHandle target, long from, long end, CancellationToken cancellation)
    {
        byte[]? buffer = null;
        while (from < end)
        {
            cancellation.ThrowIfCancellationRequested();
            long at = from, to = from;
            var copied = buffer is null ? CopyFileRange(source, &at, target, &to, (nuint)Math.Min(OneCall, end - from), 0) : -1;
            if (copied < 0)
            {
                // Not every file system can: then through our hands.
                buffer ??= new byte[256 * 1024];
                var read = NativeFile.ReadAt(source, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - from)), from);
                RandomAccess.Write(target, buffer.AsSpan(0, read), from);
                copied = read;
            }
            if (copied == 0)
                return;
            from += copied;
        }
    }

    private void Dress(SafeFileHandle from, SafeFileHandle to)
    {
        var status = NativeFile.StatusOf(from);
        foreach (var attribute in NativeFile.AttributeNames(from).Where(a => EntryRules.Travels(a)))
            NativeFile.SetAttribute(to, attribute, NativeFile.Attribute(from, attribute));
        if (owners)
            NativeFile.SetOwner(to, status.User, status.Group);
        NativeFile.SetMode(to, status.Mode & 0xfff);
        NativeFile.SetModified(to, status.ModifiedSeconds, status.ModifiedNanoseconds);
    }

    [LibraryImport("libc", EntryPoint = "copy_file_range", SetLastError = true)]
    private static partial nint CopyFileRange(SafeFileHandle from, long* fromOffset, SafeFileHandle to, long* toOffset, nuint length, uint flags);
}
