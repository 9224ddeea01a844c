using System.Globalization;
using Mcp.Errors;

namespace Mcp.Agent.Ownership;

/// <summary>A whole data folder that lies in a place of the agent's own, as its own marker tells of it.</summary>
/// <param name="Service">Whose, by the folder's name.</param>
/// <param name="Place"><see cref="DataFolders.Aside"/> or <see cref="DataFolders.Staging"/>.</param>
/// <param name="Name">The folder's name there.</param>
/// <param name="Path">Its real path.</param>
/// <param name="Marker">Its marker, when this node wrote it and it is the service's; null: volume and epoch are not known.</param>
/// <param name="Since">When it was put there, RFC 3339 UTC.</param>
internal sealed record PlacedFolder(string Service, string Place, string Name, string Path, OwnerMarker? Marker, string Since)
{
    /// <summary>How the journal names it, from <c>.mcp</c> on.</summary>
    public string Reference => $"{Place}/{Name}";
}

/// <summary>
/// The agent's own places beside the services' folders, on the same file system and closed to everybody else: <c>.mcp/staging</c>, what is being
/// made and nobody's data yet; <c>.mcp/aside</c>, what was a service's data and is kept. A folder there is called SERVICE-TIME-XXXXXX.
/// </summary>
internal sealed partial class DataFolders
{
    /// <summary>The place of data that was displaced.</summary>
    public const string Aside = "aside";

    /// <summary>The place of what is being made. What lies there when the agent starts is of no use to anybody.</summary>
    public const string Staging = "staging";

    // "-20260401T000000Z-abc123".
    private const int SuffixLength = 1 + 16 + 1 + 6;

    /// <summary>A name that no folder has yet.</summary>
    public string NewName(string service) =>
        $"{service}-{clock.GetUtcNow().UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture)}-{Guid.NewGuid().ToString("N")[..6]}";

    /// <summary>The real path of a folder in a place.</summary>
    public string PathOf(string place, string name) => Path.Combine(dataRoot, Own, place, name);

    /// <summary>Sets of data of a service that were moved aside, by path.</summary>
    public IReadOnlyList<string> AsideOf(string service) => [.. PlacedIn(Aside).Where(f => f.Service == service).Select(f => f.Path)];

    /// <summary>Every folder in a place that belongs to a service, by name.</summary>
    /// <exception cref="McpException">The place cannot be read.</exception>
    public IReadOnlyList<PlacedFolder> PlacedIn(string place) => Guarded(place, "examined", () =>
    {
        var found = new List<PlacedFolder>();
        if (!Directory.Exists(dataRoot))
            return found;
        using var root = FolderHandle.Open(dataRoot);
        using var own = root.TryOpenFolder(Own);
        using var there = own?.TryOpenFolder(place);
        foreach (var (name, isFolder) in (there?.Entries() ?? []).OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            if (isFolder && Parse(name) is { } parsed)
                found.Add(new PlacedFolder(parsed.Service, place, name, PathOf(place, name), MarkerOf(there!, name, parsed.Service), parsed.Since));
        }
        return found;
    });

    /// <summary>Everything in a place, whoever made it.</summary>
    public IReadOnlyList<string> NamesIn(string place) => Guarded<IReadOnlyList<string>>(place, "examined", () =>
    {
        var path = Path.Combine(dataRoot, Own, place);
        return Directory.Exists(path) ? [.. Directory.EnumerateFileSystemEntries(path).Select(p => Path.GetFileName(p)!)] : [];
    });

    /// <summary>Erases what lies in a place under a name for good, never following a link; nothing there is no error.</summary>
    /// <returns>How many bytes its files had.</returns>
    public ulong Erase(string place, string name) => Guarded(name, "erased", () =>
    {
        using var root = FolderHandle.Open(dataRoot);
        using var own = root.TryOpenFolder(Own);
        using var there = own?.TryOpenFolder(place);
        if (there?.TryFacts(name) is not { } facts)
            return 0UL;
        var bytes = facts.IsFile ? facts.Bytes : 0;
        if (facts.IsFolder)
        {
            using var folder = there.TryOpenFolder(name);
            bytes = folder?.EraseContent() ?? 0;
        }
        there.TryRemove(name, facts.IsFolder);
        there.Sync();
        return bytes;
    });

    /// <summary>Makes a new, empty folder in a place, for its maker alone.</summary>
    /// <returns>Its real path.</returns>
    public string MakePlaced(string place, string name) => Guarded(name, "made", () =>
    {
        Directory.CreateDirectory(dataRoot);
        using var root = FolderHandle.Open(dataRoot);
        using var there = Place(root, place);
        var (folder, made) = there.EnsureFolder(name, Private);
        folder.Dispose();
        return made ? PathOf(place, name) : throw new IOException($"{PathOf(place, name)} exists already");
    });

    /// <summary>Opens a place, made where it is missing.</summary>
    public FolderHandle OpenPlace(string place) => Guarded(place, "opened", () =>
    {
        using var root = FolderHandle.Open(dataRoot);
        return Place(root, place);
    });

    /// <summary>The inode of what lies under a name in a place, or under a service's name; null: nothing lies there.</summary>
    public ulong? InodeOf(string? place, string name) => Guarded<ulong?>(name, "examined", () =>
    {
        using var root = FolderHandle.Open(dataRoot);
        if (place is null)
            return root.TryFacts(name)?.Inode;
        using var own = root.TryOpenFolder(Own);
        using var there = own?.TryOpenFolder(place);
        return there?.TryFacts(name)?.Inode;
    });

    private OwnerMarker? MarkerOf(FolderHandle place, string name, string service)
    {
        try
        {
            using var folder = place.TryOpenFolder(name);
            return folder?.TryReadFile(OwnerMarker.FileName, OwnerMarker.MaxBytes) is { } content && OwnerMarker.TryRead(content, key.Bytes) is { } marker && marker.Service == service ? marker : null;
        }
        catch (IOException)
        {
            // Something planted in the marker's place: the folder is still shown, only not what it is.
            return null;
        }
    }

    // "a-20260401T000000Z-abc123" is a's; "a-b-2026…" is not: what stands behind the service is a time and six characters.
    private static (string Service, string Since)? Parse(string name)
    {
        if (name.Length <= SuffixLength)
            return null;
        var suffix = name[^SuffixLength..];
        return suffix[0] == '-' && suffix[17] == '-' && DateTime.TryParseExact(suffix[1..17], "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var since)
            ? (name[..^SuffixLength], since.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture))
            : null;
    }

    private static FolderHandle Place(FolderHandle root, string place)
    {
        using var own = root.EnsureFolder(Own, Private).Folder;
        return own.EnsureFolder(place, Private).Folder;
    }
}
