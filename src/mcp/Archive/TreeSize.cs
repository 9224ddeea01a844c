using Mcp.Native;

namespace Mcp.Archive;

/// <summary>
/// About how many bytes a tree holds, for a progress bar. It looks at names and never opens a file: in a process that reads a database by SQLite, closing any other
/// descriptor of that file, or of its log's index, gives up SQLite's locks on it (fcntl(2)), and a copy under way would be torn.
/// </summary>
internal static class TreeSize
{
    /// <summary>Sums what the files take, holes not counted; what cannot be looked at counts nothing.</summary>
    /// <param name="folder">The tree.</param>
    /// <param name="excludes">What is left out.</param>
    /// <param name="counts">Whether a file of this name (from the tree on) counts.</param>
    public static long Of(Folder folder, ExcludePatterns excludes, CountsFile counts) => Of(folder, [], excludes, counts);

    private static long Of(Folder folder, byte[] path, ExcludePatterns excludes, CountsFile counts)
    {
        var sum = 0L;
        foreach (var name in folder.Names())
        {
            byte[] full = path.Length == 0 ? name : [.. path, (byte)'/', .. name];
            try
            {
                var status = folder.StatusOf(name);
                if (EntryName.Problem(full) is not null || excludes.Excludes(full, status.IsFolder))
                    continue;
                if (status.IsFile && counts(full))
                    sum += Math.Min(status.Size, status.AllocatedBytes);
                else if (status.IsFolder)
                {
                    using var inner = folder.OpenFolder(name);
                    sum += Of(inner, full, excludes, counts);
                }
            }
            catch (PathFault)
            {
                // Gone, or swapped for something else since.
            }
        }
        return sum;
    }
}

/// <summary>Whether a file counts.</summary>
internal delegate bool CountsFile(ReadOnlySpan<byte> name);
