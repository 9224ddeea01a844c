namespace Mcp.Archive;

/// <summary>
/// Reads a tar as hostile input, entry by entry, and never further than it has judged. It accepts POSIX pax and GNU tar, and in them what
/// <see cref="EntryRules"/> allows.
/// <para>
/// One entry is: 1 any number of preparing blocks, at most one of each kind (pax <c>x</c>, GNU <c>L</c> long name, GNU <c>K</c> long link);
/// 2 the header block, whose checksum must be right; 3 its content, filled up to whole blocks. The final values are put together first
/// (pax wins over GNU, GNU over the block) and only those are judged. The archive ends with two zero blocks; zeros may follow, nothing else.
/// A stream that ends before them was cut.
/// </para>
/// </summary>
/// <param name="tar">The uncompressed archive.</param>
/// <param name="limits">What it may ask for.</param>
internal sealed class ArchiveReader(Stream tar, ArchiveLimits limits)
{
    private readonly byte[] _block = new byte[TarBlock.Size];
    private readonly byte[] _padding = new byte[TarBlock.Size];
    private long _contentLeft;
    private int _paddingLeft;
    private bool _ended;
    private byte[]? _current;
    private long _taken;

    /// <summary>Entries read so far.</summary>
    public long Entries { get; private set; }

    /// <summary>Bytes of content announced by the entries so far; what the limit judges counts extended headers as well.</summary>
    public long Bytes { get; private set; }

    /// <summary>The next entry; null at the end, when nothing but zeros followed it. Content that was not read is passed over.</summary>
    /// <exception cref="ArchiveException">A rule is broken, or the stream was cut.</exception>
    public ArchiveEntry? Next()
    {
        try
        {
            return _ended ? null : Advance();
        }
        catch (ArchiveException e) when (e.Entry is null)
        {
            throw e.Behind(_current);
        }
    }

    /// <summary>Reads content of the current entry; 0 at its end.</summary>
    /// <exception cref="ArchiveException">The stream was cut.</exception>
    public int Read(Span<byte> buffer)
    {
        if (_contentLeft == 0 || buffer.Length == 0)
            return 0;
        int read;
        try
        {
            read = tar.Read(buffer[..(int)Math.Min(buffer.Length, _contentLeft)]);
        }
        catch (ArchiveException e) when (e.Entry is null)
        {
            // Of the decompressor, which knows no entries.
            throw new ArchiveException($"was not read to its end: the archive {e.Rule}", _current, e);
        }
        if (read == 0)
            throw new ArchiveException("ends within its content: the archive was cut", _current);
        _contentLeft -= read;
        return read;
    }

    private ArchiveEntry? Advance()
    {
        PassContent();
        var draft = new EntryDraft();
        while (true)
        {
            ReadBlock(_block, draft.IsEmpty ? "ends without its end marks: it was cut" : "ends within an entry: it was cut");
            var block = new TarBlock(_block);
            if (block.IsZero)
            {
                End(draft);
                return null;
            }
            CheckForm(block);
            if (!draft.TryPrepare(block.Type, block, ReadExtension))
                return Take(draft.Finish(block));
        }
    }

    private ArchiveEntry Take(ArchiveEntry entry)
    {
        if (EntryRules.Problem(entry) is { } problem)
            throw new ArchiveException(problem, entry.Name);
        if (++Entries > limits.Entries)
            throw new ArchiveException($"has more than {limits.Entries} entries");
        // Compared by subtraction: a sum could overflow.
        if (entry.Size > limits.Bytes - _taken)
            throw new ArchiveException($"would need more than the {limits.Bytes} bytes that are announced or free", entry.Name);
        (Bytes, _taken) = (Bytes + entry.Size, _taken + entry.Size);
        (_contentLeft, _paddingLeft, _current) = (entry.Size, (int)(-entry.Size & (TarBlock.Size - 1)), entry.Name);
        return entry;
    }

    private static void CheckForm(TarBlock block)
    {
        if (!block.ChecksumIsRight)
            throw new ArchiveException("has a header with a wrong checksum: it is damaged, or not a tar");
        if (!block.IsPosix && !block.IsGnu)
            throw new ArchiveException("is neither of the pax nor of the GNU form of tar", block.Name);
    }

    private byte[] ReadExtension(long size, string what)
    {
        if (size > ArchiveLimits.ExtendedHeader)
            throw new ArchiveException($"has {what} of {size} bytes; at most {ArchiveLimits.ExtendedHeader} are taken");
        // Attributes take room on the disk as content does, and a header that says nothing takes our time.
        if (size > limits.Bytes - _taken)
            throw new ArchiveException($"has extended headers that would need more than the {limits.Bytes} bytes that are announced or free");
        _taken += size;
        var content = new byte[size];
        ReadBlock(content, $"ends within {what}: it was cut");
        var padding = _padding.AsSpan(0, (int)(-size & (TarBlock.Size - 1)));
        ReadBlock(padding, $"ends within {what}: it was cut");
        return content;
    }

    private void PassContent()
    {
        Span<byte> buffer = stackalloc byte[4096];
        while (Read(buffer) > 0)
        {
        }
        if (_paddingLeft > 0 && tar.ReadAtLeast(_padding.AsSpan(0, _paddingLeft), _paddingLeft, throwOnEndOfStream: false) < _paddingLeft)
            throw new ArchiveException("ends within its padding: the archive was cut", _current);
        _paddingLeft = 0;
    }

    // One zero block alone is what a reader of damaged tapes skips; here it is the first of two, or an error.
    private void End(EntryDraft draft)
    {
        if (!draft.IsEmpty)
            throw new ArchiveException("ends after an extended header without its entry");
        ReadBlock(_block, "ends between its two end marks: it was cut");
        if (!new TarBlock(_block).IsZero)
            throw new ArchiveException("goes on after an end mark");
        var rest = new byte[32 * 1024];
        for (var zeros = 0L; tar.Read(rest) is var read and > 0; zeros += read)
        {
            if (zeros > ArchiveLimits.Padding)
                throw new ArchiveException($"goes on with zeros behind its end; at most {ArchiveLimits.Padding >> 20} MiB are taken");
            if (rest.AsSpan(0, read).ContainsAnyExcept((byte)0))
                throw new ArchiveException("has something after its end");
        }
        _ended = true;
    }

    private void ReadBlock(Span<byte> into, string cut)
    {
        if (tar.ReadAtLeast(into, into.Length, throwOnEndOfStream: false) < into.Length)
            throw new ArchiveException(cut);
    }
}
