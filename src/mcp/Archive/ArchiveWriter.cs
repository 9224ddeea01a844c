using System.Text.Unicode;

namespace Mcp.Archive;

/// <summary>
/// Writes a POSIX pax archive. An entry needs an extended header only for what the plain block cannot hold: nanoseconds, long or large
/// values, attributes. Names that fit are written as raw bytes into the block, which every tar reads alike.
/// </summary>
/// <param name="tar">Where the uncompressed archive goes.</param>
internal sealed class ArchiveWriter(Stream tar)
{
    private static readonly byte[] Zeros = new byte[64 * 1024];

    private readonly byte[] _block = new byte[TarBlock.Size];
    private long _contentLeft;
    private int _padding;

    /// <summary>Entries written so far.</summary>
    public long Entries { get; private set; }

    /// <summary>Begins an entry; of a file, exactly its size is then written with <see cref="Write"/> and <see cref="WriteZeros"/>.</summary>
    /// <exception cref="ArchiveException">The rules do not allow it: import would refuse it.</exception>
    /// <exception cref="InvalidOperationException">The content of the entry before is not complete.</exception>
    public void Begin(ArchiveEntry entry)
    {
        EndContent();
        if (EntryRules.Problem(entry) is { } problem)
            throw new ArchiveException(problem, entry.Name);
        byte[] path = entry.Kind == EntryKind.Directory ? [.. "./"u8, .. entry.Name, .. entry.Name.Length > 0 ? "/"u8 : []] : [.. "./"u8, .. entry.Name];
        byte[] link = entry.Kind == EntryKind.HardLink ? [.. "./"u8, .. entry.Target] : entry.Target;
        WriteExtended(entry, path, link);
        Fill(path, link, TypeOf(entry.Kind), entry.Size, entry);
        tar.Write(_block);
        Entries++;
        (_contentLeft, _padding) = (entry.Size, (int)(-entry.Size & (TarBlock.Size - 1)));
    }

    /// <summary>Writes content of the current entry.</summary>
    public void Write(ReadOnlySpan<byte> content)
    {
        Take(content.Length);
        tar.Write(content);
    }

    /// <summary>Writes so many zeros of the current entry's content: a hole, or what a file lost while it was read.</summary>
    public void WriteZeros(long count)
    {
        Take(count);
        for (; count > 0; count -= Math.Min(count, Zeros.Length))
            tar.Write(Zeros.AsSpan(0, (int)Math.Min(count, Zeros.Length)));
    }

    /// <summary>Writes the two end marks. Nothing may follow.</summary>
    public void Complete()
    {
        EndContent();
        tar.Write(Zeros.AsSpan(0, 2 * TarBlock.Size));
        tar.Flush();
    }

    private void Take(long count)
    {
        if (count > _contentLeft)
            throw new InvalidOperationException($"the entry has {_contentLeft} bytes left, not {count}");
        _contentLeft -= count;
    }

    private void EndContent()
    {
        if (_contentLeft > 0)
            throw new InvalidOperationException($"{_contentLeft} bytes of the entry before were not written");
        tar.Write(Zeros.AsSpan(0, _padding));
        _padding = 0;
    }

    private void WriteExtended(ArchiveEntry entry, byte[] path, byte[] link)
    {
        var records = new PaxRecords();
        var (longPath, longLink) = (path.Length > 100, link.Length > 100);
        // Without this record a reader may take the bytes for UTF-8 and change them (POSIX pax, "hdrcharset").
        if (longPath && !Utf8.IsValid(path) || longLink && !Utf8.IsValid(link))
            records.Add("hdrcharset", "BINARY"u8);
        if (longPath)
            records.Add("path", path);
        if (longLink)
            records.Add("linkpath", link);
        if (!TarNumber.Fits(entry.Size, 12))
            records.Add("size", entry.Size);
        if (!TarNumber.Fits(entry.User, 8))
            records.Add("uid", entry.User);
        if (!TarNumber.Fits(entry.Group, 8))
            records.Add("gid", entry.Group);
        if (entry.ModifiedNanoseconds != 0 || !TarNumber.Fits(entry.ModifiedSeconds, 12))
            records.AddTime("mtime", entry.ModifiedSeconds, entry.ModifiedNanoseconds);
        foreach (var attribute in entry.Attributes)
            records.Add(attribute);
        if (records.IsEmpty)
            return;
        var content = records.ToBytes();
        if (content.Length > ArchiveLimits.ExtendedHeader)
            throw new ArchiveException($"has attributes of {content.Length} bytes; at most {ArchiveLimits.ExtendedHeader} travel", entry.Name);
        Fill("./PaxHeaders/entry"u8, [], (byte)'x', content.Length, new ArchiveEntry { Kind = EntryKind.File, Name = [], Mode = 0x1a4 });
        tar.Write(_block);
        tar.Write(content);
        tar.Write(Zeros.AsSpan(0, -content.Length & (TarBlock.Size - 1)));
    }

    private void Fill(ReadOnlySpan<byte> path, ReadOnlySpan<byte> link, byte type, long size, ArchiveEntry entry)
    {
        var block = _block.AsSpan();
        block.Clear();
        path[..Math.Min(path.Length, 100)].CopyTo(block);
        link[..Math.Min(link.Length, 100)].CopyTo(block[TarBlock.LinkField]);
        Number(block[TarBlock.ModeField], entry.Mode);
        Number(block[TarBlock.UserField], entry.User);
        Number(block[TarBlock.GroupField], entry.Group);
        Number(block[TarBlock.SizeField], size);
        Number(block[TarBlock.TimeField], entry.ModifiedSeconds);
        block[TarBlock.TypeOffset] = type;
        "ustar\u000000"u8.CopyTo(block[TarBlock.MagicField]);
        // Six digits, a NUL and a blank, as tars have written it since the seventies.
        TarNumber.Write(block[TarBlock.ChecksumField][..7], TarBlock.Sum(block));
        block[TarBlock.ChecksumField.End.Value - 1] = (byte)' ';
    }

    // What does not fit stands in the extended header; here is 0 then.
    private static void Number(Span<byte> field, long value) => TarNumber.Write(field, TarNumber.Fits(value, field.Length) ? value : 0);

    private static byte TypeOf(EntryKind kind) => kind switch
    {
        EntryKind.Directory => (byte)'5',
        EntryKind.SymbolicLink => (byte)'2',
        EntryKind.HardLink => (byte)'1',
        _ => (byte)'0',
    };
}
