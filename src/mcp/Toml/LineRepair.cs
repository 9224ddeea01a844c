using System.Text.RegularExpressions;

namespace Mcp.Toml;

/// <summary>Replaces a line that does not parse by the nearest one that does.</summary>
internal static partial class LineRepair
{
    /// <summary>A key keeps its name with a stand-in value, a table header is closed, anything else becomes a comment.</summary>
    public static string StandIn(string line)
    {
        if (Header().Match(line) is { Success: true } header)
            return header.Groups["open"].Length == 2 ? $"[[{header.Groups["name"].Value}]]" : $"[{header.Groups["name"].Value}]";
        return Key().Match(line) is { Success: true } key ? $"{key.Groups["name"].Value} = 0" : "#";
    }

    /// <summary>The line (from 1) with the most brackets; where nesting is too deep, that is the one to look at.</summary>
    public static int DeepestLine(string[] lines)
    {
        var (deepest, most) = (1, 0);
        for (var i = 0; i < lines.Length; i++)
        {
            var brackets = lines[i].Count(c => c is '[' or '{');
            if (brackets > most)
                (deepest, most) = (i + 1, brackets);
        }
        return deepest;
    }

    [GeneratedRegex(@"^\s*(?<open>\[\[?)\s*(?<name>[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Header();

    [GeneratedRegex(@"^\s*(?<name>[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)\s*=", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Key();
}
