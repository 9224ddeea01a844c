using Mcp.Native;
using Mcp.Text;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Archive;

/// <summary>
/// Archives a tree that somebody else may be writing to. Nothing is followed, nothing blocks, and the archive is whole whatever happens
/// to a file meanwhile: its header promises the size that was seen when it was opened; what the file lost since is filled with zeros, what
/// it gained is left, and both are noted. A name that vanished, or is something else than it was when listed, is noted and passed over.
/// What import would refuse is left out by the same rules and named.
/// </summary>
/// <param name="writer">Where to.</param>
/// <param name="excludes">What is left out on the operator's word.</param>
/// <param name="choose">Looks at every regular file before it is archived.</param>
/// <param name="contents">False: no file is read; what would be archived is counted, by the same rules, and the archive is of no use.</param>
internal sealed class TreeExport(ArchiveWriter writer, ExcludePatterns excludes, ChooseFile choose, bool contents = true)
{
    private readonly ExportReport _report = new();
    private readonly Dictionary<(ulong Device, ulong Inode), (byte[] Name, uint Left)> _linked = [];
    private readonly byte[] _buffer = new byte[256 * 1024];

    /// <summary>Told before every file and at every part of a large one, how much there is so far.</summary>
    public Action<ExportReport>? Advanced { get; set; }

    /// <summary>Archives the folder itself as <c>./</c> and everything below, in the order of the names, and ends the archive.</summary>
    /// <exception cref="PathFault">The folder itself cannot be read.</exception>
    public ExportReport Run(Folder root, CancellationToken cancellation)
    {
        writer.Begin(EntryOf([], EntryKind.Directory, NativeFile.StatusOf(root.Handle), root.Handle));
        Walk(root, [], depth: 0, cancellation);
        writer.Complete();
        _report.Entries = writer.Entries;
        return _report;
    }

    private void Walk(Folder folder, byte[] path, int depth, CancellationToken cancellation)
    {
        foreach (var name in folder.Names())
        {
            cancellation.ThrowIfCancellationRequested();
            byte[] full = path.Length == 0 ? name : [.. path, (byte)'/', .. name];
            if (full.AsSpan().SequenceEqual(EntryRules.Marker))
                continue;
            try
            {
                Visit(folder, name, full, depth, cancellation);
            }
            catch (PathFault e) when (e.Error == PathFault.NotFound)
            {
                _report.Change(full, "vanished while the tree was read");
            }
            catch (PathFault e)
            {
                _report.Skip(full, $"could not be read: {e.Message}");
            }
        }
    }

    private void Visit(Folder folder, byte[] name, byte[] full, int depth, CancellationToken cancellation)
    {
        var status = folder.StatusOf(name);
        if (excludes.Excludes(full, status.IsFolder))
            _report.Omit(full, "is excluded by the definition");
        else if (EntryName.Problem(full) is { } problem)
            _report.Skip(full, problem);
        else if (status.IsFolder)
            VisitFolder(folder, name, full, depth, cancellation);
        else if (status.IsFile)
            VisitFile(folder, name, full, status, cancellation);
        else if (status.IsLink)
            TryBegin(EntryOf(full, EntryKind.SymbolicLink, status, null) with { Target = folder.TargetOf(name) });
        else
            _report.Skip(full, $"is a {status.Kind}", loses: !status.IsMeetingPoint);
    }

    private void VisitFolder(Folder folder, byte[] name, byte[] full, int depth, CancellationToken cancellation)
    {
        using var inner = folder.OpenFolder(name);
        if (TryBegin(EntryOf(full, EntryKind.Directory, NativeFile.StatusOf(inner.Handle), inner.Handle)))
            Walk(inner, full, depth + 1, cancellation);
    }

    private void VisitFile(Folder folder, byte[] name, byte[] full, FileStatus listed, CancellationToken cancellation)
    {
        using var file = folder.OpenFile(name);
        var status = NativeFile.StatusOf(file);
        if (!status.IsFile)
        {
            _report.Skip(full, $"became a {status.Kind} while it was opened");
            return;
        }
        if (!status.IsSameFile(listed))
            _report.Change(full, "was replaced while it was opened");
        if (TryLink(full, status))
            return;
        switch (Choose(full, file, status))
        {
            case FileChoice.Instead instead:
                using (instead.Copy)
                {
                    // The copy's content, the original's owner, mode and times: whoever restores gets the file that the service knows.
                    var size = NativeFile.StatusOf(instead.Copy) is var copied ? copied.Size : 0;
                    Archive(full, instead.Copy, status with { Size = size, AllocatedBytes = copied.AllocatedBytes }, file, cancellation);
                }
                break;
            case FileChoice.NotTaken notTaken:
                _report.Omit(full, notTaken.Rule);
                break;
            case var choice when choice == FileChoice.AsItIs:
                Archive(full, file, status, file, cancellation);
                NoteChange(full, file, status);
                break;
        }
    }

    private void Archive(byte[] full, SafeFileHandle content, FileStatus status, SafeFileHandle attributes, CancellationToken cancellation)
    {
        if (!TryBegin(EntryOf(full, EntryKind.File, status, attributes) with { Size = contents ? status.Size : 0 }))
            return;
        if (status.Links > 1)
            _linked.TryAdd((status.Device, status.Inode), (full, status.Links - 1));
        if (!contents)
        {
            _report.Count(Math.Min(status.Size, status.AllocatedBytes));
            return;
        }
        var sparse = status.AllocatedBytes < status.Size;
        for (var at = 0L; at < status.Size;)
        {
            var (start, end) = sparse ? NativeFile.NextData(content, at, status.Size) ?? (status.Size, status.Size) : (at, status.Size);
            writer.WriteZeros(start - at);
            at = Copy(content, start, end, full, cancellation);
            if (at < end)
            {
                writer.WriteZeros(status.Size - at);
                return;
            }
        }
    }

    private long Copy(SafeFileHandle content, long from, long end, byte[] full, CancellationToken cancellation)
    {
        while (from < end)
        {
            cancellation.ThrowIfCancellationRequested();
            var read = Read(content, (int)Math.Min(_buffer.Length, end - from), from, full);
            if (read == 0)
            {
                _report.Change(full, "shrank while it was read; the rest is zeros");
                return from;
            }
            writer.Write(_buffer.AsSpan(0, read));
            from += read;
            _report.Count(read);
            Advanced?.Invoke(_report);
        }
        return from;
    }

    private int Read(SafeFileHandle content, int length, long from, byte[] full)
    {
        try
        {
            return NativeFile.ReadAt(content, _buffer.AsSpan(0, length), from);
        }
        catch (IOException e)
        {
            throw Unreadable(full, e);
        }
    }

    private FileChoice Choose(byte[] full, SafeFileHandle file, in FileStatus status)
    {
        try
        {
            return choose(full, file, status);
        }
        catch (IOException e) when (e is not PathFault)
        {
            throw Unreadable(full, e);
        }
    }

    // The handle knows no name, so the runtime's words have none. It is no PathFault: what cannot be read to its end ends the whole export.
    private static IOException Unreadable(byte[] full, IOException e) => new($"read of {PrintableBytes.Line(full, 300)}: {e.Message}", e.HResult);

    private bool TryLink(byte[] full, in FileStatus status)
    {
        if (status.Links < 2 || !_linked.TryGetValue((status.Device, status.Inode), out var first))
            return false;
        if (first.Left <= 1)
            _linked.Remove((status.Device, status.Inode));
        else
            _linked[(status.Device, status.Inode)] = (first.Name, first.Left - 1);
        TryBegin(EntryOf(full, EntryKind.HardLink, status, null) with { Target = first.Name });
        return true;
    }

    private bool TryBegin(ArchiveEntry entry)
    {
        if (EntryRules.Problem(entry) is { } problem)
        {
            _report.Skip(entry.Name, problem);
            return false;
        }
        writer.Begin(entry);
        foreach (var left in entry.LeftOut)
            _report.Skip(entry.Name, $"travels without {left}", loses: false);
        return true;
    }

    private void NoteChange(byte[] full, SafeFileHandle file, in FileStatus before)
    {
        var after = NativeFile.StatusOf(file);
        if (after.Size != before.Size || after.ModifiedSeconds != before.ModifiedSeconds || after.ModifiedNanoseconds != before.ModifiedNanoseconds)
            _report.Change(full, "was written to while it was read");
    }

    private static ArchiveEntry EntryOf(byte[] name, EntryKind kind, in FileStatus status, SafeFileHandle? attributes)
    {
        var leftOut = new List<string>();
        // Of a link the bits mean nothing; a hard link's are those of its file.
        if ((status.Mode & 0xe00) != 0 && kind is EntryKind.File or EntryKind.Directory)
            leftOut.Add($"its {((status.Mode & 0xc00) != 0 ? "set-id" : "sticky")} bits");
        return new ArchiveEntry
        {
            Kind = kind,
            Name = name,
            Mode = status.Mode & 0x1ff,
            User = status.User,
            Group = status.Group,
            ModifiedSeconds = status.ModifiedSeconds,
            ModifiedNanoseconds = status.ModifiedNanoseconds,
            Attributes = attributes is null ? [] : ExportedAttributes.Of(attributes, leftOut),
            LeftOut = leftOut,
        };
    }
}
