namespace Mcp.Cli;

/// <summary>Finds what somebody probably meant to type.</summary>
internal static class Suggestion
{
    /// <summary>The nearest of <paramref name="known"/> to <paramref name="typed"/>, or null when nothing is near enough to be a slip.</summary>
    public static string? Nearest(string typed, IEnumerable<string> known)
    {
        string? best = null;
        // One slip in short words, two in longer ones; a prefix of three letters is a slip of the finger, too.
        var bestDistance = typed.Length <= 4 ? 2 : 3;
        foreach (var candidate in known)
        {
            var distance = candidate.StartsWith(typed, StringComparison.Ordinal) && typed.Length >= 3 ? 1 : Distance(typed, candidate);
            if (distance < bestDistance)
                (best, bestDistance) = (candidate, distance);
        }
        return best;
    }

    /// <summary>Edits (insert, delete, replace, swap of neighbours) between two words: optimal string alignment.</summary>
    internal static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                d[i, j] = Math.Min(replace, Math.Min(d[i - 1, j], d[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }
        return d[a.Length, b.Length];
    }
}
