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

    private ArchiveException(ArchiveException inner, string where)
        : base($"{inner.Message} ({where})", inner) => (Rule, Entry) = (inner.Rule, inner.Entry);

    /// <summary>Of a refusal that names no entry: the same, and where in the archive it is.</summary>
    /// <param name="last">The entry that came last; null: none did.</param>
    public ArchiveException Behind(byte[]? last) =>
        new(this, last is null ? "at its first entry" : $"behind the entry {(last.Length == 0 ? "./" : PrintableBytes.Line(last, 300))}");

    /// <summary>The rule that is broken.</summary>
    public string Rule { get; }

    /// <summary>The entry's name; null when it is the archive as a whole.</summary>
    public byte[]? Entry { get; }
}
