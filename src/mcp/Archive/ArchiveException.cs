using Mcp.Text;

namespace Mcp.Archive;

/// <summary>An archive that is refused: which entry, and the rule that it breaks. Whoever extracts removes what it has written.</summary>
internal sealed class ArchiveException : Exception
{
    /// <summary>Refuses the entry.</summary>
    /// <param name="rule">What is wrong, in words that follow the entry's name.</param>
    /// <param name="entry">Its name as bytes; null: the archive as a whole.</param>
    /// <param name="inner">What the decoder said.</param>
    public ArchiveException(string rule, byte[]? entry = null, Exception? inner = null)
        : base(entry is null ? $"the archive {rule}" : $"the entry {(entry.Length == 0 ? "./" : PrintableBytes.Line(entry, 300))} {rule}", inner) =>
        (Rule, Entry) = (rule, entry);

    /// <summary>The rule that is broken.</summary>
    public string Rule { get; }

    /// <summary>The entry's name; null when it is the archive as a whole.</summary>
    public byte[]? Entry { get; }
}
