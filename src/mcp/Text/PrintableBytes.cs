using System.Buffers;
using System.Globalization;
using System.Text;

namespace Mcp.Text;

/// <summary>Names of files are bytes, not text. Here they become text for messages, and only for messages: one cannot open a file by it.</summary>
internal static class PrintableBytes
{
    /// <summary>The bytes as UTF-8 on one line; a byte that is none is written as <c>\xNN</c>. A final NUL is left out.</summary>
    public static string Line(ReadOnlySpan<byte> bytes, int maxLength = 2000)
    {
        if (bytes is [.., 0])
            bytes = bytes[..^1];
        var text = new StringBuilder(Math.Min(bytes.Length, maxLength) + 8);
        while (bytes.Length > 0 && text.Length <= maxLength)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var consumed) == OperationStatus.Done)
            {
                text.Append(rune.ToString());
                bytes = bytes[consumed..];
                continue;
            }
            text.Append(CultureInfo.InvariantCulture, $"\\x{bytes[0]:x2}");
            bytes = bytes[1..];
        }
        return Printable.Line(text.ToString(), maxLength);
    }
}
