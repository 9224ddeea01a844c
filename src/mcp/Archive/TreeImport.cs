using Mcp.Native;

namespace Mcp.Archive;

/// <summary>
/// Writes an archive into a new, empty folder that nobody else can enter. Every path is opened relative to a descriptor and without
/// following links, parents too, so that no entry lands elsewhere whatever the archive holds; nothing that exists is ever opened for
/// writing. A refused archive leaves what it has written in the folder: the caller removes the folder, which is why it must be a staging one.
/// At the end everything is made durable with one syncfs; only then may the folder be moved into its place.
/// </summary>
/// <param name="target">The staging folder.</param>
/// <param name="owners">Whether numeric owners are set; without the right to (a plain user) they are not.</param>
/// <param name="keepRoot">The folder itself stays its maker's, and open to him: without root only then he gets at it.</param>
internal sealed class TreeImport(Folder target, bool owners, bool keepRoot = false)
{
    /// <summary>Bytes of memory for notes: an archive whose every entry deserves one must not fill it.</summary>
    private const int NotesBytes = 2 * 1024 * 1024;

    private readonly List<ExportNote> _leftOut = [];
    private readonly byte[] _buffer = new byte[256 * 1024];
    private int _noteRoom = NotesBytes;
    private Action<int> _wrote = _ => { };

    /// <summary>
    /// What was dropped of entries that were taken: set-id bits, foreign attributes, a marker of ownership. The first ones, as many as 2 MiB hold;
    /// see <see cref="LeftOutCount"/>.
    /// </summary>
    public IReadOnlyList<ExportNote> LeftOut => _leftOut;

    /// <summary>How many things were dropped.</summary>
    public long LeftOutCount { get; private set; }

    /// <summary>Whether the archive had an entry for the directory itself.</summary>
    public bool HasRoot { get; private set; }

    /// <summary>Takes every entry up to the end of the archive.</summary>
    /// <exception cref="ArchiveException">A rule is broken; the folder's content is of no use.</exception>
    /// <exception cref="IOException">The disk is full or failed.</exception>
    public void Run(ArchiveReader reader, CancellationToken cancellation)
    {
        using var folders = new OpenFolders(target, owners, keepRoot);
        using var ahead = new FlushAhead(target);
        _wrote = ahead.Wrote;
        var first = true;
        while (reader.Next() is { } entry)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var what in entry.LeftOut)
                Note(entry.Name, $"came without {what}");
            if (entry.Name.Length == 0 && !first)
                throw new ArchiveException("stands behind other entries; the directory itself comes first", entry.Name);
            first = false;
            HasRoot |= entry.Name.Length == 0;
            if (IsMarker(entry.Name))
                Note(entry.Name, "belongs to the node that wrote it and is made anew");
            else
                Take(reader, entry, folders, cancellation);
        }
        folders.Close();
        NativeFile.SyncFileSystem(target.Handle);
    }

    private void Take(ArchiveReader reader, ArchiveEntry entry, OpenFolders folders, CancellationToken cancellation)
    {
        try
        {
            switch (entry.Kind)
            {
                case EntryKind.Directory:
                    folders.Make(entry);
                    break;
                case EntryKind.File:
                    TakeFile(reader, entry, folders, cancellation);
                    break;
                case EntryKind.SymbolicLink:
                    var folder = folders.Enter(EntryName.Parent(entry.Name));
                    folder.MakeLink(EntryName.Leaf(entry.Name), entry.Target);
                    folder.SetLinkStatus(EntryName.Leaf(entry.Name), owners ? (entry.User, entry.Group) : null, entry.ModifiedSeconds, entry.ModifiedNanoseconds);
                    break;
                default:
                    TakeHardLink(entry, folders);
                    break;
            }
        }
        catch (PathFault e) when (e.Error == PathFault.Exists)
        {
            throw new ArchiveException("stands in the archive twice", entry.Name, e);
        }
        catch (PathFault e) when (e.Error is PathFault.Link or PathFault.NotAFolder or PathFault.Outside)
        {
            throw new ArchiveException("lies below something that is no directory", entry.Name, e);
        }
        catch (PathFault e) when (!e.IsOfTheMachine)
        {
            // A name or a link more than this file system takes: the archive asks for what cannot be here.
            throw new ArchiveException($"cannot be made here ({e.Message})", entry.Name, e);
        }
    }

    private void TakeFile(ArchiveReader reader, ArchiveEntry entry, OpenFolders folders, CancellationToken cancellation)
    {
        using var file = folders.Enter(EntryName.Parent(entry.Name)).CreateFile(EntryName.Leaf(entry.Name), 0x180);
        var at = 0L;
        while (Fill(reader) is var length and > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            Holes.Write(file, _buffer.AsSpan(0, length), at);
            _wrote(length);
            at += length;
        }
        // Also where the file ends in a hole.
        RandomAccess.SetLength(file, entry.Size);
        EntryStatus.Set(file, entry, owners);
    }

    private void TakeHardLink(ArchiveEntry entry, OpenFolders folders)
    {
        Folder from;
        try
        {
            from = EntryName.Parent(entry.Target) is { Length: > 0 } parent ? target.OpenFolder(parent) : target.OpenFolder("."u8);
        }
        catch (PathFault e)
        {
            throw new ArchiveException("is a hard link to nothing that came before it", entry.Name, e);
        }
        using (from)
        {
            var leaf = EntryName.Leaf(entry.Target);
            if (!IsFile(from, leaf, entry))
                throw new ArchiveException("is a hard link to something else than an earlier file", entry.Name);
            folders.Enter(EntryName.Parent(entry.Name)).MakeHardLink(EntryName.Leaf(entry.Name), from, leaf);
        }
    }

    private static bool IsFile(Folder folder, ReadOnlySpan<byte> leaf, ArchiveEntry entry)
    {
        try
        {
            return folder.StatusOf(leaf).IsFile;
        }
        catch (PathFault e) when (e.Error == PathFault.NotFound)
        {
            throw new ArchiveException("is a hard link to nothing that came before it", entry.Name, e);
        }
    }

    // As full as possible, so that holes are found at their 4 KiB borders.
    private int Fill(ArchiveReader reader)
    {
        var length = 0;
        while (length < _buffer.Length && reader.Read(_buffer.AsSpan(length)) is var read and > 0)
            length += read;
        return length;
    }

    private static bool IsMarker(ReadOnlySpan<byte> name) =>
        name.StartsWith(EntryRules.Marker) && (name.Length == EntryRules.Marker.Length || name[EntryRules.Marker.Length] == (byte)'/');

    private void Note(byte[] name, string what)
    {
        LeftOutCount++;
        if (_noteRoom > 0)
            _noteRoom -= name.Length + 2 * what.Length + 64;
        if (_noteRoom > 0)
            _leftOut.Add(new ExportNote(name, what));
    }
}
