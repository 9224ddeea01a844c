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
    private readonly List<ExportNote> _omitted = [];
    private readonly List<ExportNote> _changed = [];
    private long _bytes;

    /// <summary>What import would refuse, or what could not be read; the archive lacks it. At most 10,000 names; see <see cref="SkippedCount"/>.</summary>
    public IReadOnlyList<ExportNote> Skipped => _skipped;

    /// <summary>What changed while it was read, as files of a running service do.</summary>
    public IReadOnlyList<ExportNote> Changed => _changed;

    /// <summary>What was left out on the operator's word: excluded, or not of the kind that was asked for. At most 10,000 names; see <see cref="OmittedCount"/>.</summary>
    public IReadOnlyList<ExportNote> Omitted => _omitted;

    /// <summary>How many things were left out.</summary>
    public long SkippedCount { get; private set; }

    /// <summary>How many files and folders were left out on the operator's word.</summary>
    public long OmittedCount { get; private set; }

    /// <summary>
    /// Whether the archive lacks something that holds data. Sockets and FIFOs hold none: a program makes them anew when it starts, and a service with one is not
    /// incomplete for ever.
    /// </summary>
    public bool IsPartial { get; private set; }

    /// <summary>Bytes of content archived so far, holes not counted.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Entries of the archive, the folder itself included.</summary>
    public long Entries { get; internal set; }

    internal void Count(long bytes) => Interlocked.Add(ref _bytes, bytes);

    internal void Omit(byte[] name, string rule)
    {
        OmittedCount++;
        IsPartial = true;
        if (_omitted.Count < MostNotes)
            _omitted.Add(new ExportNote(name, rule));
    }

    internal void Skip(byte[] name, string rule, bool loses = true)
    {
        SkippedCount++;
        IsPartial |= loses;
        if (_skipped.Count < MostNotes)
            _skipped.Add(new ExportNote(name, rule));
    }

    internal void Change(byte[] name, string what)
    {
        if (_changed.Count < MostNotes)
            _changed.Add(new ExportNote(name, what));
    }
}
