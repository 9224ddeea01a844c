namespace Mcp.Archive;

/// <summary>Something that an export left out, or archived in another state than it was seen first.</summary>
/// <param name="Name">Bytes, from the service's directory on.</param>
/// <param name="Rule">Why, in words that follow the name.</param>
internal sealed record ExportNote(byte[] Name, string Rule);

/// <summary>What an export did, for its trailer.</summary>
internal sealed class ExportReport
{
    /// <summary>A service that makes a million sockets must not fill the memory with their names.</summary>
    private const int MostNotes = 10_000;

    private readonly List<ExportNote> _skipped = [];
    private readonly List<ExportNote> _changed = [];

    /// <summary>What import would refuse, or what could not be read; the archive lacks it. At most 10,000 names; see <see cref="SkippedCount"/>.</summary>
    public IReadOnlyList<ExportNote> Skipped => _skipped;

    /// <summary>What changed while it was read, as files of a running service do.</summary>
    public IReadOnlyList<ExportNote> Changed => _changed;

    /// <summary>How many things were left out.</summary>
    public long SkippedCount { get; private set; }

    /// <summary>Bytes of content archived.</summary>
    public long Bytes { get; internal set; }

    internal void Skip(byte[] name, string rule)
    {
        SkippedCount++;
        if (_skipped.Count < MostNotes)
            _skipped.Add(new ExportNote(name, rule));
    }

    internal void Change(byte[] name, string what)
    {
        if (_changed.Count < MostNotes)
            _changed.Add(new ExportNote(name, what));
    }
}
