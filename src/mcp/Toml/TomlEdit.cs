using Mcp.Errors;
using Tomlyn.Syntax;

namespace Mcp.Toml;

/// <summary>Changes one value of a text and leaves everything else, comments and blanks too, as it was written.</summary>
internal static class TomlEdit
{
    /// <summary>The text with <paramref name="key"/> of <paramref name="table"/>, a string or a list before, set to a string.</summary>
    /// <exception cref="McpException">The text is not TOML, or has no such table.</exception>
    public static string Set(string file, string text, string table, string key, string value)
    {
        var tree = TolerantParser.Parse(text) is { Errors.Count: 0, Tree: { } parsed } ? parsed : throw new McpException(FaultCode.InvalidArgument, $"{file} is not TOML");
        var found = tree.Tables.OfType<TableSyntax>().FirstOrDefault(t => Word(t.Name) == table)
            ?? throw new McpException(FaultCode.InvalidArgument, $"{file} has no table [{table}]");
        if (found.Items.FirstOrDefault(i => Word(i.Key) == key) is { } item)
        {
            var old = item.Value!;
            var fresh = new StringValueSyntax(value);
            // The blank before the value and the comment behind it are the old value's.
            if (fresh.Token is { } token)
            {
                token.LeadingTrivia = (old as StringValueSyntax)?.Token?.LeadingTrivia ?? (old as ArraySyntax)?.OpenBracket?.LeadingTrivia;
                token.TrailingTrivia = (old as StringValueSyntax)?.Token?.TrailingTrivia ?? (old as ArraySyntax)?.CloseBracket?.TrailingTrivia;
            }
            item.Value = fresh;
        }
        else
        {
            found.Items.Add(new KeyValueSyntax(key, new StringValueSyntax(value)));
        }
        return tree.ToString();
    }

    private static string? Word(KeySyntax? key) => key?.ToString().Trim();
}
