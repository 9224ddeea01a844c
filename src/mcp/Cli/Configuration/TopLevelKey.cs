using Mcp.Errors;
using Mcp.Files;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Mcp.Cli.Configuration;

/// <summary>
/// Sets one top-level key of a definition as a careful person would with an editor: the one word changes, every comment, blank line and
/// order stays. Rewriting the file from what was parsed would lose all of that.
/// </summary>
internal static class TopLevelKey
{
    /// <summary>Writes <paramref name="change"/> of the file's text durably; false when it changes nothing.</summary>
    /// <exception cref="McpException">The file is not TOML, or cannot be written.</exception>
    public static bool ChangeFile(string path, Func<string, string> change)
    {
        var before = File.ReadAllText(path);
        var after = change(before);
        if (after == before)
            return false;
        DurableFile.Write(path, System.Text.Encoding.UTF8.GetBytes(after), File.GetUnixFileMode(path));
        return true;
    }

    /// <summary>The text with the key set to <paramref name="literal"/>; a key that is not there is added after the name only if <paramref name="add"/>.</summary>
    /// <exception cref="McpException">The text is not TOML.</exception>
    public static string Set(string text, string key, string literal, bool add, string file)
    {
        var document = SyntaxParser.Parse(text, file, validate: false);
        if (document.HasErrors)
            throw new McpException(FaultCode.InvalidArgument, $"{file} is not TOML, so '{key}' was not set in it") { Cause = document.Diagnostics[0].ToString() };
        var existing = Find(document, key);
        if (existing?.Value is { } value)
            return text[..value.Span.Start.Offset] + literal + text[(value.Span.End.Offset + 1)..];
        if (!add)
            return text;

        // After the name, where a reader looks; at the very top when a file has none.
        var at = Find(document, "name") is { } name ? EndOfLine(text, name.Span.Start.Offset) : 0;
        var newline = text.Contains("\r\n", StringComparison.Ordinal) ? "\r\n" : "\n";
        var lead = at > 0 && text[at - 1] != '\n' ? newline : "";
        return text[..at] + $"{lead}{key} = {literal}{newline}" + text[at..];
    }

    private static KeyValueSyntax? Find(DocumentSyntax document, string key) =>
        document.KeyValues.FirstOrDefault(k => k.Key?.ToString().Trim().Trim('"', '\'') == key);

    private static int EndOfLine(string text, int from)
    {
        var end = text.IndexOf('\n', from);
        return end < 0 ? text.Length : end + 1;
    }
}
