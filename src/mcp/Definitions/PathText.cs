namespace Mcp.Definitions;

/// <summary>Paths in definitions: absolute and already normal, so that comparing their text compares the places.</summary>
internal static class PathText
{
    /// <summary>PATH_MAX of Linux, with its closing zero.</summary>
    private const int MaxLength = 4095;

    /// <summary>Says what is wrong with an absolute path, or null.</summary>
    public static string? AbsoluteProblem(string path)
    {
        if (path.Length == 0)
            return "is empty; an absolute path is needed";
        if (path[0] != '/')
            return $"\"{path}\" is not absolute; a path begins with /";
        if (path.Length > MaxLength)
            return $"has {path.Length} characters; a path has at most {MaxLength}";
        if (path.Any(char.IsControl))
            return "holds a control character";
        if (path == "/")
            return null;
        foreach (var part in path[1..].Split('/'))
        {
            if (part == "..")
                return $"\"{path}\" holds ..; write the path that is meant";
            if (part is "" or ".")
                return $"\"{path}\" holds // or /./ or ends with /; write the plain path";
        }
        return null;
    }

    /// <summary>The path without one closing slash, which people write for folders and which changes nothing.</summary>
    public static string WithoutClosingSlash(string path) => path.Length > 1 && path[^1] == '/' ? path[..^1] : path;

    /// <summary>Whether <paramref name="path"/> is <paramref name="folder"/> or lies under it; "/srv/ab" does not lie under "/srv/a".</summary>
    public static bool IsWithin(string path, string folder) =>
        folder == "/" || path == folder || (path.StartsWith(folder, StringComparison.Ordinal) && path[folder.Length] == '/');
}
