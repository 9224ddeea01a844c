using Mcp.Errors;

namespace Mcp.Agent.Ownership;

/// <summary>Whether a service's folder may be replaced as a whole.</summary>
internal sealed partial class DataFolders
{
    private bool _exchanges;

    /// <summary>Why the folder of a service cannot be replaced or moved, in words that follow its path; null: it can, or there is none.</summary>
    /// <exception cref="McpException">The data root cannot be read.</exception>
    public string? ProblemOfReplacing(string service) => Guarded<string?>(service, "examined", () =>
    {
        if (!Directory.Exists(dataRoot))
            return null;
        using var root = FolderHandle.Open(dataRoot);
        if (root.TryFacts(service) is not { } facts)
            return null;
        if (!facts.IsFolder)
            return $"is {facts.Word}, not a directory";
        if (MountTable.In(Path.Combine(root.RealPath, service)) is { } mount)
            return mount.EndsWith("/" + service, StringComparison.Ordinal) ? "is a mount point, which cannot be moved" : $"has the mount point {mount} in it, which would move with it";
        return Exchanges(root) ? null : "lies on a file system that cannot exchange two directories in one step (renameat2 with RENAME_EXCHANGE)";
    });

    /// <summary>Whether the folder of a service holds anything but a marker.</summary>
    public bool HoldsData(string service) => Guarded(service, "examined", () =>
    {
        if (!Directory.Exists(dataRoot))
            return false;
        using var root = FolderHandle.Open(dataRoot);
        using var folder = root.TryOpenFolder(service);
        return folder?.HasEntryBeside(OwnerMarker.FileName) ?? false;
    });

    // Tried once with two empty folders, before anything is at stake.
    private bool Exchanges(FolderHandle root)
    {
        if (_exchanges)
            return true;
        using var place = Place(root, Staging);
        var (one, other) = (NewName("probe"), NewName("probe"));
        place.EnsureFolder(one, Private).Folder.Dispose();
        place.EnsureFolder(other, Private).Folder.Dispose();
        try
        {
            place.Exchange(one, place, other);
            return _exchanges = true;
        }
        catch (IOException)
        {
            return false;
        }
        finally
        {
            place.TryRemove(one, folder: true);
            place.TryRemove(other, folder: true);
        }
    }
}
