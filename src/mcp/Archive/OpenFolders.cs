using Mcp.Native;

namespace Mcp.Archive;

/// <summary>
/// The folders from the root down to where entries are being made. An archive goes through a tree branch by branch, so the memory needed is
/// that of one branch. A folder gets its final mode and time when the branch is left, because making things in it would change the time, and
/// because a mode without write permission would stop a plain user; one that is entered again gets back what it had then.
/// </summary>
internal sealed class OpenFolders(Folder root, bool owners, bool keepRoot) : IDisposable
{
    private const uint WhileWriting = 0x1c0;

    private readonly List<Level> _branch = [];
    private ArchiveEntry? _root;

    /// <summary>Makes the folder of an entry, or gives one that was only implied so far what its entry says.</summary>
    /// <exception cref="PathFault">Something else than a folder is there, or on the way.</exception>
    public void Make(ArchiveEntry entry)
    {
        if (entry.Name.Length == 0)
        {
            _root = entry;
            return;
        }
        var parent = Enter(EntryName.Parent(entry.Name));
        var level = Descend(parent, entry.Name);
        level.Entry = entry;
        _branch.Add(level);
    }

    /// <summary>The folder of that name, made with its parents when no entry came for them.</summary>
    /// <param name="name">Which folder; empty: the root.</param>
    /// <exception cref="PathFault">Something else than a folder is there, or on the way.</exception>
    public Folder Enter(ReadOnlySpan<byte> name)
    {
        while (_branch.Count > 0 && !Contains(_branch[^1].Name, name))
            Leave();
        while ((_branch.Count == 0 ? 0 : _branch[^1].Name.Length) < name.Length)
        {
            var known = _branch.Count == 0 ? 0 : _branch[^1].Name.Length + 1;
            var end = name[known..].IndexOf((byte)'/');
            var next = end < 0 ? name : name[..(known + end)];
            _branch.Add(Descend(_branch.Count == 0 ? root : _branch[^1].Folder, next.ToArray()));
        }
        return _branch.Count == 0 ? root : _branch[^1].Folder;
    }

    /// <summary>Leaves all folders, and gives the root what its entry said.</summary>
    public void Close()
    {
        while (_branch.Count > 0)
            Leave();
        if (_root is not null)
            EntryStatus.Set(root.Handle, keepRoot ? _root with { Mode = _root.Mode | WhileWriting } : _root, owners && !keepRoot);
    }

    /// <summary>Lets go of what is open, after a refusal: nothing is set any more.</summary>
    public void Dispose()
    {
        foreach (var level in _branch)
            level.Folder.Dispose();
        _branch.Clear();
    }

    private static bool Contains(ReadOnlySpan<byte> folder, ReadOnlySpan<byte> name) =>
        name.StartsWith(folder) && (name.Length == folder.Length || name[folder.Length] == (byte)'/');

    private static Level Descend(Folder parent, byte[] name)
    {
        var leaf = EntryName.Leaf(name);
        var made = true;
        try
        {
            parent.MakeFolder(leaf, WhileWriting);
        }
        catch (PathFault e) when (e.Error == PathFault.Exists)
        {
            made = false;
        }
        var folder = parent.OpenFolder(leaf);
        var before = NativeFile.StatusOf(folder.Handle);
        if (!made)
            NativeFile.SetMode(folder.Handle, WhileWriting);
        return new Level(name, folder, made ? null : before);
    }

    private void Leave()
    {
        var level = _branch[^1];
        _branch.RemoveAt(_branch.Count - 1);
        using (level.Folder)
        {
            if (level.Entry is { } entry)
            {
                EntryStatus.Set(level.Folder.Handle, entry, owners);
            }
            else if (level.Before is { } before)
            {
                NativeFile.SetMode(level.Folder.Handle, before.Mode & 0xfff);
                NativeFile.SetModified(level.Folder.Handle, before.ModifiedSeconds, before.ModifiedNanoseconds);
            }
            else
            {
                // Nobody said what it is: what mkdir would make for anybody.
                NativeFile.SetMode(level.Folder.Handle, 0x1ed);
            }
        }
    }

    private sealed record Level(byte[] Name, Folder Folder, FileStatus? Before)
    {
        public ArchiveEntry? Entry { get; set; }
    }
}
