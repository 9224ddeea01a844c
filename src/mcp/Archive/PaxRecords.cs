using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Mcp.Text;

namespace Mcp.Archive;

/// <summary>
/// The records of a POSIX extended header: <c>LENGTH KEY=VALUE\n</c>, the length counting the whole record (POSIX pax, "pax Extended
/// Header"). Values are bytes: GNU tar and we write names that are no UTF-8 as they are.
/// </summary>
internal sealed class PaxRecords
{
    private const string AttributePrefix = "SCHILY.xattr.";

    private readonly List<(string Key, byte[] Value)> _records = [];

    /// <summary>Whether there is nothing in it.</summary>
    public bool IsEmpty => _records.Count == 0;

    /// <summary>Reads all records.</summary>
    /// <exception cref="ArchiveException">A length lies, a key stands twice, or the entry would be a sparse file.</exception>
    public static PaxRecords Read(ReadOnlySpan<byte> content)
    {
        var records = new PaxRecords();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (content.Length > 0)
        {
            var (key, value, length) = ReadOne(content);
            content = content[length..];
            if (!seen.Add(key))
                throw new ArchiveException($"has an extended header with {Printable.Line(key, 60)} twice");
            if (key.StartsWith("GNU.sparse", StringComparison.Ordinal))
                throw new ArchiveException("has a sparse file of GNU tar; make the archive without --sparse");
            records._records.Add((key, value));
        }
        return records;
    }

    /// <summary>The value of a key; null: it is not there.</summary>
    public byte[]? Find(string key) => _records.Find(r => r.Key == key).Value;

    /// <summary>A number that is not negative; null: it is not there.</summary>
    /// <exception cref="ArchiveException">Not a number, or larger than 2^63-1.</exception>
    public long? Number(string key)
    {
        if (Find(key) is not { } value)
            return null;
        return Utf8Parser.TryParse(value, out long number, out var used) && used == value.Length && value[0] is >= (byte)'0' and <= (byte)'9'
            ? number
            : throw new ArchiveException($"has an extended header with {key} = {PrintableBytes.Line(value, 60)}, which is not a number from 0 to 2^63-1");
    }

    /// <summary>A time as seconds since 1970 and nanoseconds; null: it is not there. Digits after the ninth are cut off.</summary>
    /// <exception cref="ArchiveException">Not a decimal number.</exception>
    public (long Seconds, int Nanoseconds)? Time(string key)
    {
        if (Find(key) is not { } value)
            return null;
        var dot = value.AsSpan().IndexOf((byte)'.');
        var (whole, fraction) = dot < 0 ? (value, []) : (value[..dot], value[(dot + 1)..]);
        if (!Utf8Parser.TryParse(whole, out long seconds, out var used) || used != whole.Length || fraction.Any(d => d is < (byte)'0' or > (byte)'9'))
            throw new ArchiveException($"has an extended header with {key} = {PrintableBytes.Line(value, 60)}, which is not a time");
        var nanoseconds = 0;
        for (var digit = 0; digit < 9; digit++)
            nanoseconds = nanoseconds * 10 + (digit < fraction.Length ? fraction[digit] - '0' : 0);
        // "-0.5" is half a second before 1970: the fraction goes the same way as the number.
        return whole is [(byte)'-', ..] && nanoseconds > 0 ? (seconds - 1, 1_000_000_000 - nanoseconds) : (seconds, nanoseconds);
    }

    /// <summary>The extended attributes of the entry, whatever their name space.</summary>
    public IEnumerable<EntryAttribute> Attributes() =>
        _records.Where(r => r.Key.StartsWith(AttributePrefix, StringComparison.Ordinal))
            .Select(r => new EntryAttribute(Encoding.Latin1.GetBytes(r.Key[AttributePrefix.Length..]), r.Value));

    /// <summary>Adds a record.</summary>
    public void Add(string key, ReadOnlySpan<byte> value) => _records.Add((key, value.ToArray()));

    /// <summary>Adds a number.</summary>
    public void Add(string key, long value) => Add(key, Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture)));

    /// <summary>Adds an extended attribute.</summary>
    public void Add(EntryAttribute attribute) => Add(AttributePrefix + Encoding.Latin1.GetString(attribute.Name), attribute.Value);

    /// <summary>Adds a time with its nanoseconds.</summary>
    public void AddTime(string key, long seconds, int nanoseconds)
    {
        // Written as one decimal number: 1.5 s before 1970 is (-2, 500,000,000) to the kernel and "-1.5" here.
        var text = seconds >= 0 || nanoseconds == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{seconds}.{nanoseconds:000000000}")
            : string.Create(CultureInfo.InvariantCulture, $"-{-(seconds + 1)}.{1_000_000_000 - nanoseconds:000000000}");
        Add(key, Encoding.ASCII.GetBytes(text));
    }

    /// <summary>All records as they stand in an archive.</summary>
    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        foreach (var (key, value) in _records)
        {
            var name = Encoding.Latin1.GetBytes(key);
            bytes.Write(Encoding.ASCII.GetBytes(LengthOf(name.Length + value.Length).ToString(CultureInfo.InvariantCulture)));
            bytes.WriteByte((byte)' ');
            bytes.Write(name);
            bytes.WriteByte((byte)'=');
            bytes.Write(value);
            bytes.WriteByte((byte)'\n');
        }
        return bytes.ToArray();
    }

    // The length counts its own digits: one more digit may make it one longer.
    private static int LengthOf(int keyAndValue)
    {
        var rest = keyAndValue + 3;
        var length = rest + 1;
        while (rest + length.ToString(CultureInfo.InvariantCulture).Length != length)
            length = rest + length.ToString(CultureInfo.InvariantCulture).Length;
        return length;
    }

    private static (string Key, byte[] Value, int Length) ReadOne(ReadOnlySpan<byte> content)
    {
        if (!Utf8Parser.TryParse(content, out int length, out var digits) || content[0] is < (byte)'1' or > (byte)'9' || digits >= content.Length || content[digits] != (byte)' ')
            throw new ArchiveException("has an extended header without a record's length");
        if (length <= digits + 1 || length > content.Length || content[length - 1] != (byte)'\n')
            throw new ArchiveException("has an extended header whose record is not as long as it says");
        var record = content[(digits + 1)..(length - 1)];
        var equals = record.IndexOf((byte)'=');
        if (equals <= 0)
            throw new ArchiveException("has an extended header with a record without a key");
        // Latin-1 keeps every byte of a key apart from every other; the keys that mean something are ASCII.
        return (Encoding.Latin1.GetString(record[..equals]), record[(equals + 1)..].ToArray(), length);
    }
}
