using System.Globalization;
using System.Text;

namespace Mcp.Toml;

/// <summary>Writes a string so that any TOML reader gets exactly it back.</summary>
internal static class TomlQuote
{
    /// <summary>A basic string in double quotes; whatever is not plainly printable is escaped.</summary>
    public static string Of(string text)
    {
        var result = new StringBuilder(text.Length + 2).Append('"');
        foreach (var rune in text.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '"':
                    result.Append("\\\"");
                    break;
                case '\\':
                    result.Append("\\\\");
                    break;
                case '\n':
                    result.Append("\\n");
                    break;
                case '\t':
                    result.Append("\\t");
                    break;
                case '\r':
                    result.Append("\\r");
                    break;
                case var value when MustEscape(rune):
                    result.Append(value > 0xffff
                        ? string.Create(CultureInfo.InvariantCulture, $"\\U{value:X8}")
                        : string.Create(CultureInfo.InvariantCulture, $"\\u{value:X4}"));
                    break;
                default:
                    result.Append(rune.ToString());
                    break;
            }
        }
        return result.Append('"').ToString();
    }

    // Control characters by the grammar; the invisible ones so that a reader of the file sees them.
    private static bool MustEscape(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned;
}
