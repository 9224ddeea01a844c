using Mcp.Errors;
using Mcp.Files;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Mcp.Cli.Configuration;

/// <summary>
/// Sets <c>active</c> in a definition as a careful person would with an editor: the one word changes, every comment, blank line and
/// order stays. Rewriting the file from what was parsed would lose all of that.
/// </summary>
internal static class ActiveKey
{
    /// <summary>Sets the key in the file; false when it had that meaning already.</summary>
    /// <exception cref="McpException">The file is not TOML, or cannot be written.</exception>
    public static bool SetInFile(string path, bool active)
    {
        var before = File.ReadAllText(path);
        var after = Set(before, active, path);
        if (after == before)
            return false;
        DurableFile.Write(path, System.Text.Encoding.UTF8.GetBytes(after), File.GetUnixFileMode(path));
        return true;
    }

    /// <summary>The text with <c>active</c> set. Absent means true, so true is never added.</summary>
    /// <exception cref="McpException">The text is not TOML.</exception>
    internal static string Set(string text, bool active, string file)
    {
        var document = SyntaxParser.Parse(text, file, validate: false);
        if (document.HasErrors)
            throw new McpException(FaultCode.InvalidArgument, $"{file} is not TOML, so 'active' was not set in it") { Cause = document.Diagnostics[0].ToString() };
        var word = active ? "true" : "false";

        var existing = Find(document, "active");
        if (existing?.Value is { } value)
            return text[..value.Span.Start.Offset] + word + text[(value.Span.End.Offset + 1)..];
        if (active)
            return text;

        // After the name, where a reader looks; at the very top when a file has none.
        var at = Find(document, "name") is { } name ? EndOfLine(text, name.Span.Start.Offset) : 0;
        var newline = text.Contains("\r\n", StringComparison.Ordinal) ? "\r\n" : "\n";
        var lead = at > 0 && text[at - 1] != '\n' ? newline : "";
        return text[..at] + $"{lead}active = {word}{newline}" + text[at..];
    }

    private static KeyValueSyntax? Find(DocumentSyntax document, string key) =>
        document.KeyValues.FirstOrDefault(k => k.Key?.ToString().Trim().Trim('"', '\'') == key);

    private static int EndOfLine(string text, int from)
    {
        var end = text.IndexOf('\n', from);
        return end < 0 ? text.Length : end + 1;
    }
}
