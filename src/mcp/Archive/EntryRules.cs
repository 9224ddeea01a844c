namespace Mcp.Archive;

/// <summary>
/// What an entry may be. Export and import ask here, so that nothing is archived that could not be put back: export leaves such a thing out
/// and names it, import refuses the whole archive.
/// </summary>
internal static class EntryRules
{
    /// <summary>The largest numeric owner; 2^32-1 means "leave it" to chown(2).</summary>
    public const uint LargestOwner = uint.MaxValue - 1;

    /// <summary>The marker of ownership (service, volume, epoch) belongs to a node and is never archived; it is made new on import.</summary>
    public static ReadOnlySpan<byte> Marker => ".mcp-owner"u8;

    /// <summary>What is wrong with the entry, in words that follow its name; null: nothing.</summary>
    public static string? Problem(ArchiveEntry entry) =>
        EntryName.Problem(entry.Name)
        ?? (entry.Name.Length == 0 && entry.Kind != EntryKind.Directory ? "is the service's directory, but not a directory" : null)
        ?? ProblemOfTime(entry.ModifiedSeconds)
        ?? ProblemOfSize(entry)
        ?? ProblemOfAttributes(entry.Attributes)
        ?? entry.Kind switch
        {
            EntryKind.SymbolicLink => LinkTarget.Problem(entry.Name, entry.Target) ?? ProblemOfDatabaseLink(entry.Name),
            EntryKind.HardLink => ProblemOfHardLink(entry),
            _ => null,
        };

    /// <summary>Whether an extended attribute travels.</summary>
    public static bool Travels(ReadOnlySpan<byte> attribute) => attribute.StartsWith("user."u8) && attribute.Length > 5;

    private static string? ProblemOfTime(long seconds) =>
        seconds is < ArchiveLimits.EarliestTime or > ArchiveLimits.LatestTime ? $"has the time {seconds} s after 1970, which no calendar has" : null;

    private static string? ProblemOfSize(ArchiveEntry entry) => entry switch
    {
        { Size: < 0 } => "has a negative size",
        { Size: > 0, Kind: not EntryKind.File } => "has content, which only files have",
        _ => null,
    };

    // Whoever opens a database by its name must find that database: never another one, with another log beside it.
    private static string? ProblemOfDatabaseLink(ReadOnlySpan<byte> name) => name.EndsWith(".db"u8) ? "is a link called .db; a database is a file of its own" : null;

    private static string? ProblemOfAttributes(IReadOnlyList<EntryAttribute> attributes)
    {
        foreach (var attribute in attributes)
        {
            if (attribute.Name.Contains((byte)0))
                return "has an attribute with a NUL in its name";
            if (attribute.Name.Length > ArchiveLimits.AttributeName)
                return $"has an attribute with a name of {attribute.Name.Length} bytes; at most {ArchiveLimits.AttributeName} are possible";
        }
        return null;
    }

    private static string? ProblemOfHardLink(ArchiveEntry entry)
    {
        if (entry.Target.Length == 0)
            return "is a hard link without a target";
        if (EntryName.Problem(entry.Target) is { } problem)
            return $"is a hard link to a name that {problem}";
        return entry.Target.AsSpan().SequenceEqual(entry.Name) ? "is a hard link to itself" : null;
    }
}
