using Mcp.Text;

namespace Mcp.Archive;

/// <summary>An entry while its blocks come in: what the preparing blocks said, until the header block completes it.</summary>
internal sealed class EntryDraft
{
    private PaxRecords? _pax;
    private byte[]? _longName;
    private byte[]? _longLink;

    /// <summary>Whether nothing was prepared yet.</summary>
    public bool IsEmpty => _pax is null && _longName is null && _longLink is null;

    /// <summary>Takes a preparing block with what follows it; false: the block is the entry's own header.</summary>
    /// <param name="type">The block's type.</param>
    /// <param name="block">The block.</param>
    /// <param name="read">Reads so many bytes that follow the block; the words say what they are.</param>
    /// <exception cref="ArchiveException">The second one of its kind, or too large.</exception>
    public bool TryPrepare(byte type, TarBlock block, Func<long, string, byte[]> read)
    {
        switch (type)
        {
            case (byte)'x':
                _pax = PaxRecords.Read(Once(_pax is null, block, read, "an extended header"));
                return true;
            case (byte)'L':
                _longName = Ended(Once(_longName is null, block, read, "a long name"));
                return true;
            case (byte)'K':
                _longLink = Ended(Once(_longLink is null, block, read, "a long link"));
                return true;
            default:
                return false;
        }
    }

    /// <summary>The entry with its final values, not yet judged by <see cref="EntryRules"/>.</summary>
    /// <exception cref="ArchiveException">A number is none, or the type is not taken.</exception>
    public ArchiveEntry Finish(TarBlock block)
    {
        var raw = _pax?.Find("path") ?? _longName ?? block.Name;
        var kind = KindOf(block.Type, raw);
        var name = EntryName.Normalise(raw, kind == EntryKind.Directory).ToArray();
        if (raw.Length == 0)
            throw new ArchiveException("has an entry without a name");
        var mode = block.Number(TarBlock.ModeField, "mode");
        var (seconds, nanoseconds) = _pax?.Time("mtime") ?? (block.Time, 0);
        var target = _pax?.Find("linkpath") ?? _longLink ?? block.Link;
        var leftOut = new List<string>();
        if ((mode & 0xe00) != 0)
            leftOut.Add("set-id or sticky bits");
        return new ArchiveEntry
        {
            Kind = kind,
            Name = name,
            Mode = (uint)(mode & 0x1ff),
            User = Owner(_pax?.Number("uid") ?? block.Number(TarBlock.UserField, "user"), name),
            Group = Owner(_pax?.Number("gid") ?? block.Number(TarBlock.GroupField, "group"), name),
            Size = _pax?.Number("size") ?? block.Number(TarBlock.SizeField, "size"),
            ModifiedSeconds = seconds,
            ModifiedNanoseconds = nanoseconds,
            Target = kind switch
            {
                EntryKind.SymbolicLink => target,
                EntryKind.HardLink => EntryName.Normalise(target, directory: false).ToArray(),
                _ => [],
            },
            Attributes = Attributes(leftOut),
            LeftOut = leftOut,
        };
    }

    private List<EntryAttribute> Attributes(List<string> leftOut)
    {
        var kept = new List<EntryAttribute>();
        foreach (var attribute in _pax?.Attributes() ?? [])
        {
            if (EntryRules.Travels(attribute.Name))
                kept.Add(attribute);
            else
                leftOut.Add($"the attribute {Shown(attribute.Name)}");
        }
        if (_pax is not null && (_pax.Find("SCHILY.acl.access") ?? _pax.Find("SCHILY.acl.default")) is not null)
            leftOut.Add("its access control list");
        return kept;
    }

    private static string Shown(byte[] name) => PrintableBytes.Line(name, 80);

    private static uint Owner(long number, byte[] name) =>
        number <= EntryRules.LargestOwner ? (uint)number : throw new ArchiveException($"has the owner {number}; owners go up to {EntryRules.LargestOwner}", name);

    // A directory of an old tar is a file whose name ends in a slash.
    private static EntryKind KindOf(byte type, byte[] name) => type switch
    {
        (byte)'0' or 0 when name is [.., (byte)'/'] => EntryKind.Directory,
        (byte)'0' or 0 => EntryKind.File,
        (byte)'5' => EntryKind.Directory,
        (byte)'2' => EntryKind.SymbolicLink,
        (byte)'1' => EntryKind.HardLink,
        (byte)'3' => throw new ArchiveException("is a character device", name),
        (byte)'4' => throw new ArchiveException("is a block device", name),
        (byte)'6' => throw new ArchiveException("is a FIFO", name),
        (byte)'7' => throw new ArchiveException("is of the contiguous type, which nothing makes today", name),
        (byte)'g' => throw new ArchiveException("is a global header, which would change all entries after it", name),
        (byte)'S' => throw new ArchiveException("is a sparse file of GNU tar; make the archive without --sparse", name),
        (byte)'D' or (byte)'M' or (byte)'V' or (byte)'N' => throw new ArchiveException($"is of GNU tar's type '{(char)type}' (volumes, dumps), which is not taken", name),
        _ => throw new ArchiveException($"is of the unknown type 0x{type:x2}", name),
    };

    private static byte[] Once(bool first, TarBlock block, Func<long, string, byte[]> read, string what) =>
        first ? read(block.Number(TarBlock.SizeField, "size"), what) : throw new ArchiveException($"has {what} twice for one entry");

    // GNU long names end with a NUL; one within would cut the name short for whoever reads it as C text.
    private static byte[] Ended(byte[] content) => content is [.., 0] ? content[..^1] : content;
}
