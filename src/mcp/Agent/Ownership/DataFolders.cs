using Mcp.Definitions;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Agent.Ownership;

/// <summary>The folders of the services under the data root: looked at, made, marked and set aside, always through descriptors.</summary>
internal sealed partial class DataFolders(string dataRoot, NodeKey key, TimeProvider clock)
{
    // The agent's own folders beside the services'; a service cannot be called so (a DNS label has no dot).
    private const string Own = ".mcp";

    // 0700: nobody but the owner. Wider only where components with different users share a folder.
    private const uint Private = 0b111_000_000;
    private const uint Shared = 0b111_101_101;
    private const uint MarkerMode = 0b110_100_100;

    /// <summary>The real path of a service's folder.</summary>
    public string PathOf(string service) => Path.Combine(dataRoot, service);

    /// <summary>What lies in the folder of a service.</summary>
    /// <exception cref="McpException">The folder is a link or cannot be read.</exception>
    public FolderObservation Observe(string service) => Guarded(service, "examined", () =>
    {
        if (!Directory.Exists(dataRoot))
            return new FolderObservation(PathOf(service), FolderContent.Absent, null);
        using var root = FolderHandle.Open(dataRoot);
        using var folder = root.TryOpenFolder(service);
        if (folder is null)
            return new FolderObservation(PathOf(service), FolderContent.Absent, null);
        var content = folder.TryReadFile(OwnerMarker.FileName, OwnerMarker.MaxBytes);
        if (content is not null)
        {
            var marker = OwnerMarker.TryRead(content, key.Bytes);
            return new FolderObservation(PathOf(service), marker is null ? FolderContent.Foreign : FolderContent.Marked, marker);
        }
        return new FolderObservation(PathOf(service), folder.HasEntryBeside(null) ? FolderContent.Unmarked : FolderContent.Empty, null);
    });

    /// <summary>Makes the service's folder and writes its marker.</summary>
    public void Mark(string service, string volumeId, ulong epoch, (uint User, uint Group)? owner = null) => Guarded<object?>(service, "marked", () =>
    {
        Directory.CreateDirectory(dataRoot);
        using var root = FolderHandle.Open(dataRoot);
        var (folder, _) = root.EnsureFolder(service, Private, owner);
        using (folder)
            folder.WriteFile(OwnerMarker.FileName, new OwnerMarker(service, volumeId, epoch).Write(key.Bytes), MarkerMode, keepTime: true);
        return null;
    });

    /// <summary>
    /// Makes the folders that the volumes of a service name and that are missing, with the numeric user of the component that mounts them.
    /// Nothing that exists is changed but a folder that is still as this agent makes them, which is given to that user. A link on the way is refused: it could lead into another service.
    /// </summary>
    public void EnsureVolumes(ServiceSpec spec, Func<ComponentSpec, (uint User, uint Group)?> ownerOf) => Guarded<object?>(spec.Name, "prepared", () =>
    {
        using var root = FolderHandle.Open(dataRoot);
        foreach (var (path, users) in OwnVolumes(spec, ownerOf))
        {
            var parts = path["/srv/".Length..].Split('/');
            var owner = users[0];
            var mode = users.Distinct().Count() > 1 ? Shared : Private;
            Descend(root, parts, mode, owner);
        }
        return null;
    });

    /// <summary>Moves what lies in a service's folder to <c>.mcp/aside</c> on the same file system.</summary>
    /// <returns>Where it lies now, or null when there was nothing.</returns>
    public string? MoveAside(string service) => Guarded(service, "set aside", () =>
    {
        using var root = FolderHandle.Open(dataRoot);
        using (var there = root.TryOpenFolder(service))
        {
            if (there is null)
                return null;
        }
        using var aside = Place(root, Aside);
        var name = NewName(service);
        root.Move(service, aside, name);
        return Path.Combine(dataRoot, Own, Aside, name);
    });

    /// <summary>Removes the folder of a first deploy that failed, if it holds nothing but the marker and empty folders.</summary>
    /// <returns>Whether nothing is left.</returns>
    public bool TryRemoveUnused(string service)
    {
        try
        {
            using var root = FolderHandle.Open(dataRoot);
            using (var folder = root.TryOpenFolder(service))
            {
                if (folder is null)
                    return true;
                folder.TryRemove(FolderHandle.TemporaryOf(OwnerMarker.FileName), folder: false);
                if (!IsUnused(folder, depth: 0, OwnerMarker.FileName))
                    return false;
                RemoveFolders(folder);
                folder.TryRemove(OwnerMarker.FileName, folder: false);
            }
            return root.TryRemove(service, folder: true);
        }
        catch (IOException)
        {
            // Whatever it is, it is not provably ours to remove.
            return false;
        }
    }

    private static IEnumerable<(string Path, List<(uint, uint)?> Users)> OwnVolumes(ServiceSpec spec, Func<ComponentSpec, (uint, uint)?> ownerOf)
    {
        var paths = new SortedDictionary<string, List<(uint, uint)?>>(StringComparer.Ordinal);
        foreach (var component in spec.Components)
        {
            foreach (var text in component.Volumes)
            {
                if (!VolumeMount.TryParse(text, out var mount, out _) || !Deploying.ContainerTranslator.IsOwn(spec.Name, mount.HostPath))
                    continue;
                if (!paths.TryGetValue(mount.HostPath, out var users))
                    paths.Add(mount.HostPath, users = []);
                users.Add(ownerOf(component));
            }
        }
        return paths.Select(p => (p.Key, p.Value));
    }

    private static void Descend(FolderHandle root, ReadOnlySpan<string> parts, uint mode, (uint, uint)? owner)
    {
        var here = root;
        try
        {
            for (var i = 0; i < parts.Length; i++)
            {
                // A volume may be one file, which must then be there.
                if (i == parts.Length - 1 && here.IsFile(parts[i]))
                    return;
                var (next, made) = here.EnsureFolder(parts[i], mode, owner);
                // The service's own folder is made before anybody knows who will mount it: by its marker, or by a first push.
                if (!made && i == parts.Length - 1 && owner is { } user)
                    next.GiveIfOwn(mode, user);
                if (!ReferenceEquals(here, root))
                    here.Dispose();
                here = next;
            }
        }
        finally
        {
            if (!ReferenceEquals(here, root))
                here.Dispose();
        }
    }

    private static bool IsUnused(FolderHandle folder, int depth, string? except)
    {
        foreach (var (name, isFolder) in folder.Entries())
        {
            if (name == except)
                continue;
            if (!isFolder || depth > 16)
                return false;
            using var child = folder.TryOpenFolder(name);
            if (child is null || !IsUnused(child, depth + 1, except: null))
                return false;
        }
        return true;
    }

    private static void RemoveFolders(FolderHandle folder)
    {
        foreach (var (name, isFolder) in folder.Entries())
        {
            if (!isFolder)
                continue;
            using (var child = folder.TryOpenFolder(name))
            {
                if (child is not null)
                    RemoveFolders(child);
            }
            folder.TryRemove(name, folder: true);
        }
    }

    private T Guarded<T>(string service, string what, Func<T> body)
    {
        try
        {
            return body();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the data folder {PathOf(service)} could not be {what}", e)
            {
                Cause = e.Message,
                Hint = $"ls -ld {dataRoot} {PathOf(service)}; df -h {dataRoot}; df -i {dataRoot} (every folder on the way must be a real one, not a link)",
            };
        }
    }
}
