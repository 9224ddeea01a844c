namespace Mcp.Archive;

/// <summary>
/// One header block of 512 bytes, in the form of POSIX <c>ustar</c> or of GNU tar, which differ in the magic and in what follows it.
/// Offsets are those of POSIX pax, "ustar Header Block".
/// </summary>
internal readonly ref struct TarBlock(ReadOnlySpan<byte> block)
{
    /// <summary>Bytes of a block; everything in a tar is a multiple of it.</summary>
    public const int Size = 512;

    /// <summary>Offset and length of the fields that are both read and written.</summary>
    internal static readonly Range NameField = ..100, ModeField = 100..108, UserField = 108..116, GroupField = 116..124, SizeField = 124..136,
        TimeField = 136..148, ChecksumField = 148..156, LinkField = 157..257, MagicField = 257..265, PrefixField = 345..500;

    internal const int TypeOffset = 156;

    private readonly ReadOnlySpan<byte> _block = block;

    /// <summary>Whether the block has nothing in it: two such end an archive.</summary>
    public bool IsZero => !_block.ContainsAnyExcept((byte)0);

    /// <summary>The kind of entry.</summary>
    public byte Type => _block[TypeOffset];

    /// <summary>Whether it is of POSIX form, in which a long path may be split in two.</summary>
    public bool IsPosix => _block[MagicField].SequenceEqual("ustar\u000000"u8);

    /// <summary>Whether it is of GNU form.</summary>
    public bool IsGnu => _block[MagicField].SequenceEqual("ustar  \0"u8);

    /// <summary>The path in this block.</summary>
    public byte[] Name
    {
        get
        {
            var name = Text(NameField);
            var prefix = IsPosix ? Text(PrefixField) : [];
            return prefix.Length == 0 ? name.ToArray() : [.. prefix, (byte)'/', .. name];
        }
    }

    /// <summary>The target of a link in this block.</summary>
    public byte[] Link => Text(LinkField).ToArray();

    /// <summary>A numeric field.</summary>
    /// <exception cref="ArchiveException">Not a number, negative, or too large.</exception>
    public long Number(Range field, string what) =>
        TarNumber.TryRead(_block[field], out var value, out var problem) ? value : throw new ArchiveException($"has a {what} that {problem}", Name);

    /// <summary>The time of the last change, in seconds since 1970.</summary>
    /// <exception cref="ArchiveException">Not a number, or too large.</exception>
    public long Time =>
        TarNumber.TryReadTime(_block[TimeField], out var value, out var problem) ? value : throw new ArchiveException($"has a time that {problem}", Name);

    /// <summary>Whether the checksum over the block, its own field read as blanks, is right.</summary>
    public bool ChecksumIsRight => TarNumber.TryRead(_block[ChecksumField], out var told, out _) && told == Sum(_block);

    /// <summary>The sum of the bytes, those of the checksum's field read as blanks.</summary>
    public static long Sum(ReadOnlySpan<byte> block)
    {
        long sum = 8 * ' ';
        foreach (var value in block[..ChecksumField.Start.Value])
            sum += value;
        foreach (var value in block[ChecksumField.End.Value..Size])
            sum += value;
        return sum;
    }

    private ReadOnlySpan<byte> Text(Range field)
    {
        var text = _block[field];
        return text.IndexOf((byte)0) is var end and >= 0 ? text[..end] : text;
    }
}
