using System.Text;

namespace Mcp.Archive;

/// <summary>
/// Paths that are left out of a snapshot. A pattern is a path from the service's directory on: <c>layers/</c> is the directory with all that
/// is in it, <c>cache/*.tmp</c> files of one directory, <c>**/*.log</c> files anywhere. <c>*</c> and <c>?</c> never match a slash; a final
/// slash means directories only. Matching goes back to the last star alone, so its time is at most pattern × name: no pattern blows up.
/// </summary>
internal sealed class ExcludePatterns
{
    private readonly List<(byte[][] Parts, bool DirectoryOnly)> _patterns;

    /// <summary>Takes patterns that the definition's rules have judged (relative, no <c>..</c>, no empty part).</summary>
    public ExcludePatterns(IEnumerable<string> patterns) =>
        _patterns = [.. patterns.Select(p => (p.TrimEnd('/').Split('/').Select(Encoding.UTF8.GetBytes).ToArray(), p.EndsWith('/')))];

    /// <summary>Whether a path (without the leading <c>./</c>) is left out, and with it what lies below.</summary>
    public bool Excludes(ReadOnlySpan<byte> path, bool directory)
    {
        if (_patterns.Count == 0 || path.Length == 0)
            return false;
        var parts = new List<Range>();
        foreach (var range in path.Split((byte)'/'))
            parts.Add(range);
        foreach (var (pattern, directoryOnly) in _patterns)
        {
            if ((directory || !directoryOnly) && MatchesPath(pattern, path, parts))
                return true;
        }
        return false;
    }

    private static bool MatchesPath(byte[][] pattern, ReadOnlySpan<byte> path, List<Range> parts)
    {
        int at = 0, part = 0, star = -1, taken = 0;
        while (part < parts.Count)
        {
            if (at < pattern.Length && pattern[at].AsSpan().SequenceEqual("**"u8))
                (star, taken) = (at++, part);
            else if (at < pattern.Length && MatchesPart(pattern[at], path[parts[part]]))
                (at, part) = (at + 1, part + 1);
            else if (star >= 0)
                (at, part) = (star + 1, ++taken);
            else
                return false;
        }
        while (at < pattern.Length && pattern[at].AsSpan().SequenceEqual("**"u8))
            at++;
        return at == pattern.Length;
    }

    private static bool MatchesPart(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> name)
    {
        int at = 0, letter = 0, star = -1, taken = 0;
        while (letter < name.Length)
        {
            if (at < pattern.Length && pattern[at] == (byte)'*')
                (star, taken) = (at++, letter);
            else if (at < pattern.Length && (pattern[at] == (byte)'?' || pattern[at] == name[letter]))
                (at, letter) = (at + 1, letter + 1);
            else if (star >= 0)
                (at, letter) = (star + 1, ++taken);
            else
                return false;
        }
        return !pattern[at..].ContainsAnyExcept((byte)'*');
    }
}
