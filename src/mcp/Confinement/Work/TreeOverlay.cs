using Mcp.Archive;
using Mcp.Native;
using Mcp.Sqlite.Copies;

namespace Mcp.Confinement.Work;

/// <summary>
/// Lays one tree over another by renames. Directories meet and get what the archive says of them; a file or link replaces one of its own kind;
/// what meets another kind is refused, since it would take away more than it brings. A database that comes makes the log and the journal beside the
/// old one void: they go, unless the archive brings its own.
/// </summary>
internal sealed class TreeOverlay(bool owners, bool withRoot)
{
    /// <summary>Moves everything of <paramref name="part"/> into <paramref name="result"/>.</summary>
    /// <exception cref="ArchiveException">Something meets another kind.</exception>
    public void Run(Folder part, Folder result)
    {
        Merge(part, result, []);
        if (withRoot)
            Dress(part, result);
    }

    private void Merge(Folder part, Folder result, byte[] path)
    {
        foreach (var name in part.Names())
        {
            byte[] full = path.Length == 0 ? name : [.. path, (byte)'/', .. name];
            var comes = part.StatusOf(name);
            if (result.TryStatusOf(name) is not { } there)
            {
                MoveNew(part, result, name, comes);
                continue;
            }
            if ((comes.Mode & 0xf000) != (there.Mode & 0xf000))
                throw new ArchiveException($"is a {comes.Kind}, but the service has a {there.Kind} of that name", full);
            if (!comes.IsFolder)
            {
                MoveNew(part, result, name, comes);
                continue;
            }
            using var from = part.OpenFolder(name);
            using var to = result.OpenFolder(name);
            Merge(from, to, full);
            Dress(from, to);
        }
    }

    private static void MoveNew(Folder part, Folder result, byte[] name, in FileStatus comes)
    {
        if (comes.IsFile && comes.Size > 0)
        {
            using var file = part.OpenFile(name);
            if (DatabaseHeader.IsDatabase(file))
                StagedDatabases.DropCompanions(result, name);
        }
        part.MoveOver(name, result);
    }

    // After what is in it: making entries changes a folder's time.
    private void Dress(Folder from, Folder to)
    {
        var status = NativeFile.StatusOf(from.Handle);
        foreach (var attribute in NativeFile.AttributeNames(from.Handle).Where(a => EntryRules.Travels(a)))
            NativeFile.SetAttribute(to.Handle, attribute, NativeFile.Attribute(from.Handle, attribute));
        if (owners)
            NativeFile.SetOwner(to.Handle, status.User, status.Group);
        NativeFile.SetMode(to.Handle, status.Mode & 0x1ff);
        NativeFile.SetModified(to.Handle, status.ModifiedSeconds, status.ModifiedNanoseconds);
    }
}
