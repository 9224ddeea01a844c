namespace Mcp.Archive;

/// <summary>Which names an entry may have. A name is judged in its final form, after long names and extended headers were resolved.</summary>
internal static class EntryName
{
    /// <summary>
    /// Brings a name as it stands in an archive to its one form: one leading <c>./</c> and, of a directory, one final slash are taken off.
    /// </summary>
    public static ReadOnlySpan<byte> Normalise(ReadOnlySpan<byte> name, bool directory)
    {
        if (name.SequenceEqual("."u8))
            return [];
        if (name.StartsWith("./"u8))
            name = name[2..];
        // "/" alone would become the root's name: an absolute path stays one.
        return directory && name is [not (byte)'/', .., (byte)'/'] ? name[..^1] : name;
    }

    /// <summary>What is wrong with a normalised name, in words that follow it; null: nothing.</summary>
    public static string? Problem(ReadOnlySpan<byte> name)
    {
        if (name.Length == 0)
            return null;
        if (name[0] == (byte)'/')
            return "has an absolute path";
        if (name.Length > ArchiveLimits.PathBytes)
            return $"has a path of {name.Length} bytes; at most {ArchiveLimits.PathBytes} are possible";
        if (name.Contains((byte)0))
            return "has a NUL in its path";
        var depth = 0;
        foreach (var range in name.Split((byte)'/'))
        {
            if (ProblemOfPart(name[range]) is { } problem)
                return problem;
            if (++depth > ArchiveLimits.Depth)
                return $"lies deeper than {ArchiveLimits.Depth} directories";
        }
        return null;
    }

    /// <summary>The directory that a name lies in; empty: the root.</summary>
    public static ReadOnlySpan<byte> Parent(ReadOnlySpan<byte> name) => name.LastIndexOf((byte)'/') is var at and >= 0 ? name[..at] : [];

    /// <summary>The last part of a name.</summary>
    public static ReadOnlySpan<byte> Leaf(ReadOnlySpan<byte> name) => name[(name.LastIndexOf((byte)'/') + 1)..];

    private static string? ProblemOfPart(ReadOnlySpan<byte> part)
    {
        if (part.Length == 0)
            return "has an empty part in its path";
        if (part.SequenceEqual("."u8))
            return "has the part '.' in its path";
        if (part.SequenceEqual(".."u8))
            return "has the part '..' in its path";
        return part.Length > ArchiveLimits.PartBytes ? $"has a part of {part.Length} bytes in its path; at most {ArchiveLimits.PartBytes} are possible" : null;
    }
}
