namespace Mcp.Hostile;

/// <summary>A named archive that nobody honest makes.</summary>
/// <param name="Name">Short; of all cases each has its own.</param>
/// <param name="Rule">Words of the rule that refuses it; of one that is taken, of what is said to have been left out ("": nothing).</param>
/// <param name="Stored">The <c>.tar.zst</c>.</param>
/// <param name="Taken">Whether it is taken: what it brings is harmless, or was made so.</param>
public sealed record HostileArchive(string Name, string Rule, byte[] Stored, bool Taken = false)
{
    /// <summary>The tar within, of those whose stream is an honest one.</summary>
    public byte[]? Tar { get; private init; }

    /// <summary>A tar that is to be refused, in an honest stream.</summary>
    public static HostileArchive Of(string name, string rule, byte[] tar) => new(name, rule, ZstdForge.Frame(tar)) { Tar = tar };

    /// <summary>A tar that is to be taken, in an honest stream.</summary>
    public static HostileArchive Harmless(string name, byte[] tar, string leftOut = "") => new(name, leftOut, ZstdForge.Frame(tar), Taken: true) { Tar = tar };

    /// <inheritdoc/>
    public override string ToString() => Name;
}
