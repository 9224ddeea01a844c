using Google.Protobuf;
using Mcp.Archive;
using Mcp.Native;
using Mcp.Sqlite.Copies;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Confinement.Work;

/// <summary>
/// The SQLite databases of a tree that nobody uses yet, known by their header. Each must pass <c>integrity_check</c>. One with its own log or
/// journal beside it (an archive that some tar made of a stopped service) is opened as its service would open it, so that what stands there
/// counts; every other one is opened as it lies and not changed by a byte.
/// </summary>
internal static class StagedDatabases
{
    /// <summary>
    /// Removes logs and journals beside databases that the sender copied consistently: they belong to the original, and applied to the copy they
    /// would destroy it.
    /// </summary>
    public static void DropJournals(Folder tree, IEnumerable<DatabaseCopy> copies)
    {
        foreach (var copy in copies)
        {
            // The path comes from the other side: what is no name of an entry is no copy in this archive either.
            var name = copy.Path.ToByteArray();
            if (name.Length == 0 || EntryName.Problem(name) is not null)
                continue;
            try
            {
                using var folder = EntryName.Parent(name) is { Length: > 0 } parent ? tree.OpenFolder(parent) : tree.OpenFolder("."u8);
                DropCompanions(folder, EntryName.Leaf(name));
            }
            catch (PathFault e) when (e.Error is PathFault.NotFound or PathFault.NotAFolder or PathFault.Link)
            {
                // There is no such folder in the tree: nothing to drop.
            }
        }
    }

    /// <summary>Removes logs and journals beside one database.</summary>
    public static void DropCompanions(Folder folder, ReadOnlySpan<byte> database)
    {
        foreach (var ending in DatabaseHeader.Companions)
            folder.Remove([.. database, .. ending]);
    }

    /// <summary>Checks every database.</summary>
    /// <exception cref="ArchiveException">One is damaged.</exception>
    public static IReadOnlyList<DatabaseCopy> Check(Folder tree, CancellationToken cancellation)
    {
        var found = new List<DatabaseCopy>();
        Walk(tree, [], found, cancellation);
        return found;
    }

    private static void Walk(Folder folder, byte[] path, List<DatabaseCopy> found, CancellationToken cancellation)
    {
        foreach (var name in folder.Names())
        {
            cancellation.ThrowIfCancellationRequested();
            byte[] full = path.Length == 0 ? name : [.. path, (byte)'/', .. name];
            var status = folder.StatusOf(name);
            if (status.IsFolder)
            {
                using var inner = folder.OpenFolder(name);
                Walk(inner, full, found, cancellation);
            }
            else if (status.IsFile && status.Size > 0)
            {
                using var file = folder.OpenFile(name);
                if (DatabaseHeader.IsDatabase(file))
                    found.Add(CheckOne(folder, name, full, file, status.Size));
            }
        }
    }

    private static DatabaseCopy CheckOne(Folder folder, byte[] name, byte[] full, SafeFileHandle file, long size)
    {
        var alone = !Has(folder, name, "-wal"u8) && !Has(folder, name, "-journal"u8);
        try
        {
            return new DatabaseCopy { Path = ByteString.CopyFrom(full), Bytes = (ulong)size, Method = "file", NotChecked = Printable.Line(DatabaseCheck.Run(file, alone), 2000) };
        }
        catch (DamagedDatabaseException e)
        {
            throw new ArchiveException($"is a damaged SQLite database ({Printable.Line(e.Message, 300)})", full, e);
        }
        finally
        {
            // The memory of the log that was read: whoever opens the database makes it anew.
            if (!alone)
                folder.Remove([.. name, .. "-shm"u8]);
        }
    }

    private static bool Has(Folder folder, byte[] name, ReadOnlySpan<byte> ending) => folder.TryStatusOf([.. name, .. ending]) is { IsFile: true, Size: > 0 };
}
