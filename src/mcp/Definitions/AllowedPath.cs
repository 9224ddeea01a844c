using System.Diagnostics.CodeAnalysis;

namespace Mcp.Definitions;

/// <summary>One entry of <c>allow_host_paths</c> or of a node's <c>[policy] host_paths</c>: a path and everything under it.</summary>
/// <param name="Path">Absolute, normal.</param>
/// <param name="ReadOnly">Whether it ended with <c>:ro</c>: then only <c>:ro</c> volumes may use it.</param>
internal sealed record AllowedPath(string Path, bool ReadOnly)
{
    /// <summary>Parses <c>path[:ro|:rw]</c>, or says what is wrong and what is allowed.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out AllowedPath? allowed, [NotNullWhen(false)] out string? problem)
    {
        allowed = null;
        var parts = text.Split(':');
        if (parts.Length > 2 || (parts.Length == 2 && parts[1] is not ("ro" or "rw")))
            problem = $"\"{text}\" is not a path with :ro or :rw, as \"/etc/ssl:ro\"";
        else
        {
            var path = PathText.WithoutClosingSlash(parts[0]);
            problem = PathText.AbsoluteProblem(path);
            if (problem is null)
                allowed = new AllowedPath(path, parts.Length == 2 && parts[1] == "ro");
        }
        return allowed is not null;
    }

    /// <summary>Whether this entry allows a volume.</summary>
    public bool Covers(VolumeMount mount) => PathText.IsWithin(mount.HostPath, Path) && (mount.ReadOnly || !ReadOnly);
}
