using System.Diagnostics.CodeAnalysis;

namespace Mcp.Archive;

/// <summary>
/// Numbers in a tar header: octal digits with blanks around, ended by a blank, a NUL or the field's end (POSIX pax, "ustar Interchange
/// Format"); or, where the first bit is set, a big-endian binary number as GNU tar writes it when octal digits do not suffice.
/// </summary>
internal static class TarNumber
{
    /// <summary>Reads a field; negative and larger than 2^63-1 are refused.</summary>
    public static bool TryRead(ReadOnlySpan<byte> field, out long value, [NotNullWhen(false)] out string? problem)
    {
        value = 0;
        problem = field[0] switch
        {
            0x80 => ReadBinary(field[1..], out value),
            0xff => "is negative",
            _ => ReadOctal(field, out value),
        };
        return problem is null;
    }

    /// <summary>Reads a time, which may be negative: GNU tar writes one before 1970 in two's complement.</summary>
    public static bool TryReadTime(ReadOnlySpan<byte> field, out long value, [NotNullWhen(false)] out string? problem)
    {
        if (field[0] != 0xff)
            return TryRead(field, out value, out problem);
        value = -1;
        problem = field[..^8].ContainsAnyExcept((byte)0xff) || field[^8] < 0x80 ? "is too small" : null;
        foreach (var b in field[^8..])
            value = value << 8 | b;
        return problem is null;
    }

    /// <summary>Whether a number fits into a field as octal digits with a final NUL.</summary>
    public static bool Fits(long value, int fieldLength) => value >= 0 && value >> (3 * (fieldLength - 1)) == 0;

    /// <summary>Writes octal digits, filled with zeros, and a final NUL.</summary>
    public static void Write(Span<byte> field, long value)
    {
        field[^1] = 0;
        for (var at = field.Length - 2; at >= 0; at--, value >>= 3)
            field[at] = (byte)('0' + (value & 7));
    }

    private static string? ReadBinary(ReadOnlySpan<byte> bytes, out long value)
    {
        value = 0;
        foreach (var b in bytes)
        {
            if (value > long.MaxValue >> 8)
                return "is too large";
            value = value << 8 | b;
        }
        return null;
    }

    private static string? ReadOctal(ReadOnlySpan<byte> field, out long value)
    {
        value = 0;
        var digits = field.TrimStart((byte)' ');
        var end = digits.IndexOfAny((byte)' ', (byte)0);
        var rest = end < 0 ? [] : digits[end..];
        if (rest.ContainsAnyExcept((byte)' ', (byte)0))
            return "has something after its end";
        foreach (var digit in end < 0 ? digits : digits[..end])
        {
            if (digit is < (byte)'0' or > (byte)'7')
                return "is not an octal number";
            if (value > long.MaxValue >> 3)
                return "is too large";
            value = value << 3 | (uint)(digit - '0');
        }
        return null;
    }
}
