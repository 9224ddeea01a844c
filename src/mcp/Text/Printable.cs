using System.Globalization;
using System.Text;

namespace Mcp.Text;

/// <summary>
/// Text from elsewhere (container names, remote errors, archive entries, log lines) before it reaches a terminal or a log. Control
/// characters can move the cursor, set the clipboard (OSC 52) or rewrite what was printed; bidirectional overrides can turn a name round.
/// </summary>
internal static class Printable
{
    /// <summary>
    /// The text on one line, with every control, format, surrogate and line-separating character written as <c>\u{XX}</c>;
    /// cut after <paramref name="maxLength"/> characters with an ellipsis.
    /// </summary>
    public static string Line(string? text, int maxLength = 2000) => Escape(text, maxLength, keepLineFeeds: false);

    /// <summary>As <see cref="Line"/>, but line feeds and tabs stay: for text of several lines, as an error with its problems.</summary>
    public static string Block(string? text, int maxLength = 64 * 1024) => Escape(text, maxLength, keepLineFeeds: true);

    private static string Escape(string? text, int maxLength, bool keepLineFeeds)
    {
        if (string.IsNullOrEmpty(text))
            return "";
        if (text.Length <= maxLength && text.All(c => IsPlain(c, keepLineFeeds)))
            return text;
        var result = new StringBuilder(Math.Min(text.Length, maxLength) + 16);
        foreach (var rune in text.EnumerateRunes())
        {
            if (result.Length >= maxLength)
                return result.Append('…').ToString();
            if (rune.IsBmp ? IsPlain((char)rune.Value, keepLineFeeds) : Rune.GetUnicodeCategory(rune) is not UnicodeCategory.Format)
                result.Append(rune.ToString());
            else
                result.Append(CultureInfo.InvariantCulture, $"\\u{{{rune.Value:x2}}}");
        }
        return result.ToString();
    }

    private static bool IsPlain(char c, bool keepLineFeeds) => c switch
    {
        >= ' ' and <= '~' => true,
        '\n' or '\t' => keepLineFeeds,
        _ => char.GetUnicodeCategory(c) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned),
    };
}
