namespace Mcp.Toml;

/// <summary>What to say about a key that does not exist: most are slips of a letter.</summary>
internal static class UnknownKey
{
    /// <summary>Names the nearest key, if one is near, and all that exist.</summary>
    public static string Message(string key, IReadOnlyCollection<string> known)
    {
        var nearest = known.Select(k => (Key: k, Distance: Distance(key, k))).Where(k => k.Distance <= 2 && k.Distance < k.Key.Length)
            .OrderBy(k => k.Distance).FirstOrDefault().Key;
        var hint = nearest is null ? "" : $"; did you mean {nearest}?";
        return known.Count == 0
            ? "is not a key here"
            : $"is not a key here{hint} The keys are {string.Join(", ", known)}".Replace("here The", "here; the", StringComparison.Ordinal);
    }

    /// <summary>Letters to insert, delete or change to get from one to the other (Levenshtein); long keys are not compared.</summary>
    private static int Distance(string one, string other)
    {
        if (Math.Abs(one.Length - other.Length) > 2 || one.Length > 64)
            return int.MaxValue;
        var row = Enumerable.Range(0, other.Length + 1).ToArray();
        for (var i = 1; i <= one.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= other.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (one[i - 1] == other[j - 1] ? 0 : 1)));
        }
        return row[^1];
    }
}
