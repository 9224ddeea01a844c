namespace Mcp.Agent.Ownership;

/// <summary>What is mounted where, as this process sees it (/proc/self/mountinfo, proc(5)).</summary>
internal static class MountTable
{
    /// <summary>A mount point that is the folder <paramref name="path"/> or lies below it; null: none is. The path has no links in it.</summary>
    public static string? In(string path) => File.ReadLines("/proc/self/mountinfo").Select(PointOf).FirstOrDefault(p => p == path || p.StartsWith(path + "/", StringComparison.Ordinal));

    // The fifth field; space, tab, line feed and backslash are written as \ and three octal digits.
    private static string PointOf(string line)
    {
        var field = line.Split(' ', 6) is { Length: >= 5 } parts ? parts[4] : "";
        if (!field.Contains('\\'))
            return field;
        return field.Replace("\\040", " ", StringComparison.Ordinal).Replace("\\011", "\t", StringComparison.Ordinal)
            .Replace("\\012", "\n", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal);
    }
}
