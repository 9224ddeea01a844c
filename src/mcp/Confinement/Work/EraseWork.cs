using Mcp.Native;

namespace Mcp.Confinement.Work;

/// <summary>
/// Removes a tree by descriptors, names as bytes, following nothing: what a rootless agent cannot do from outside of podman's user namespace, since the
/// files of its containers are not its own there.
/// </summary>
internal static class EraseWork
{
    // Deeper trees do not come from honest services; each level holds one descriptor.
    private const int MaxDepth = 900;

    /// <summary>Empties the folder.</summary>
    /// <returns>Bytes of the files that went.</returns>
    /// <exception cref="PathFault">Something could not be removed; the rest is still there.</exception>
    public static ulong Do(string folder)
    {
        using var root = Folder.Open(folder);
        return Erase(root, 0);
    }

    private static ulong Erase(Folder folder, int depth)
    {
        if (depth > MaxDepth)
            throw new IOException($"the tree is deeper than {MaxDepth} folders");
        var bytes = 0UL;
        foreach (var name in folder.Names())
        {
            if (folder.TryStatusOf(name) is not { } status)
                continue;
            if (status.IsFolder)
            {
                using var inner = folder.OpenFolder(name);
                bytes += Erase(inner, depth + 1);
            }
            else if (status.IsFile)
            {
                bytes += (ulong)status.Size;
            }
            folder.Remove(name, status.IsFolder);
        }
        return bytes;
    }
}
