namespace Mcp.Toml;

/// <summary>The parser's messages in words for somebody who does not know what a token is.</summary>
internal static class SyntaxWords
{
    /// <summary>Whether the parser ran over the end of a line or of the file while something was open.</summary>
    public static bool IsUnclosed(string message) =>
        message.Contains("End-Of-File", StringComparison.OrdinalIgnoreCase) || message.Contains("newline in a string", StringComparison.Ordinal) || message.Contains("expecting a closing", StringComparison.OrdinalIgnoreCase) ||
        message.Contains("for a value", StringComparison.Ordinal);

    /// <summary>What is wrong and, where it is known, what is expected.</summary>
    public static string Of(string message) => message switch
    {
        _ when message.Contains("newline in a string", StringComparison.Ordinal) || message.Contains("End-Of-File", StringComparison.Ordinal) =>
            "a string is not closed; it ends with the quote it began with, on the same line",
        _ when message.Contains("control character", StringComparison.Ordinal) =>
            "holds a control character; write it as an escape, or remove it",
        _ when message.Contains("escape character", StringComparison.Ordinal) =>
            "an unknown escape in a string; a backslash is written \\\\, or use 'single quotes', which know no escapes",
        _ when message.Contains("while expecting a value", StringComparison.Ordinal) => "a value is missing after =",
        _ when message.Contains("closebracket", StringComparison.Ordinal) => "a ] is missing",
        _ when message.Contains("Missing a `,`", StringComparison.Ordinal) => "a comma is missing between two values",
        _ when message.Contains("Expecting `=` after a key", StringComparison.Ordinal) => "is not TOML; a line is key = value, [table] or [[table]]",
        _ when message.Contains("for a value", StringComparison.Ordinal) =>
            "is not a value; strings are written in quotes, and true and false in lower case",
        _ when message.Contains("while expecting token `newline`", StringComparison.Ordinal) => "there is more on the line after the value; one key = value a line",
        _ when message.Contains("surrogate", StringComparison.Ordinal) => "is not valid Unicode text",
        _ when message.Contains("Invalid \\r", StringComparison.Ordinal) => "a carriage return without a line feed; lines end with a line feed",
        _ when message.Contains("parse integer", StringComparison.Ordinal) => "is not a number, or too large for one",
        _ when message.Contains("date time", StringComparison.Ordinal) => "is not a date or time",
        _ => "is not TOML; a line is key = value, [table] or [[table]]",
    };
}
