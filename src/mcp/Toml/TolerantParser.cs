using Tomlyn;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Mcp.Toml;

/// <summary>A syntax error in our own words.</summary>
internal sealed record TomlSyntaxError(TomlPosition At, string Message);

/// <summary>What the tolerant parser gives on: a tree without errors, the errors, and the lines whose values are stand-ins.</summary>
internal sealed record TolerantResult(DocumentSyntax? Tree, IReadOnlyList<TomlSyntaxError> Errors, IReadOnlySet<int> BrokenLines);

/// <summary>
/// Finds every syntax error of a text, each once. A parser that goes on after an error reports a cascade of followers, and an open quote or
/// bracket swallows the rest of the file. So:
/// 1 parse; 2 believe only the first error; 3 replace the line it is on by the nearest thing that parses (a key keeps its name and gets a
/// stand-in value, a table header is closed, anything else becomes a comment), for a value over several lines all its lines;
/// 4 again, until nothing is wrong. The line numbers never change, so everything after the error is judged as if it were not there.
/// </summary>
internal static class TolerantParser
{
    /// <summary>More errors than this in one file tell nobody anything.</summary>
    private const int MaxErrors = 50;

    /// <summary>Levels of brackets; a definition has three.</summary>
    private const int MaxDepth = 16;

    private static readonly TomlSerializerOptions Options = new() { MaxDepth = MaxDepth };

    /// <summary>Parses; the tree is free of syntax errors, and null when the text is beyond repair.</summary>
    public static TolerantResult Parse(string text)
    {
        var lines = text.Split('\n');
        var errors = new List<TomlSyntaxError>();
        var broken = new HashSet<int>();
        for (var attempt = 0; attempt < 3 * MaxErrors; attempt++)
        {
            if (TryParse(string.Join('\n', lines)) is not { } tree)
            {
                // Whoever wrote this is not helped by a second message.
                errors.Add(new TomlSyntaxError(new(LineRepair.DeepestLine(lines), 1), $"is nested deeper than {MaxDepth} levels"));
                break;
            }
            var first = tree.Diagnostics.Where(d => d.Kind == DiagnosticMessageKind.Error).OrderBy(d => d.Span.Start.Offset).FirstOrDefault();
            if (first is null)
                return new TolerantResult(tree, errors, broken);
            var at = first.Span.Start.Line;
            if (at < 0 || at >= lines.Length || errors.Count >= MaxErrors)
                break;
            var value = ValueBefore(tree, first.Span.Start);
            var (from, to) = Extent(value, at, lines.Length);
            if (broken.Add(from + 1))
            {
                errors.Add(Error(first, value, from));
                lines[from] = LineRepair.StandIn(lines[from]);
            }
            else
            {
                // The stand-in did not help: the line goes altogether.
                lines[from] = "#";
            }
            for (var i = from + 1; i <= to; i++)
                lines[i] = "#";
        }
        if (errors.Count == 0)
            errors.Add(new TomlSyntaxError(new(1, 1), "is not TOML"));
        return new TolerantResult(null, errors, broken);
    }

    /// <summary>Parses once; null when brackets are nested too deeply.</summary>
    private static DocumentSyntax? TryParse(string text)
    {
        try
        {
            return SyntaxParser.Parse(text, Options, "", validate: false);
        }
        catch (TomlException)
        {
            // Thrown only for the depth, and without a place.
            return null;
        }
    }

    /// <summary>The last key and value that begin before a place.</summary>
    private static KeyValueSyntax? ValueBefore(DocumentSyntax tree, TextPosition place) =>
        tree.KeyValues.Concat(tree.Tables.SelectMany(t => t.Items))
            .Where(k => k.Key is not null && k.Value is not null && k.Key.Span.Start.Offset < place.Offset)
            .MaxBy(k => k.Key!.Span.Start.Offset);

    /// <summary>The lines (from 0) that the value around line <paramref name="at"/> covers; the line alone when there is none.</summary>
    private static (int From, int To) Extent(KeyValueSyntax? value, int at, int count)
    {
        var from = value?.Key!.Span.Start.Line ?? at;
        return value?.Value switch
        {
            _ when from == at => (at, at),
            // An open list ends where the next statement begins, which is where the parser stumbled.
            ArraySyntax { CloseBracket: null } or InlineTableSyntax { CloseBrace: null } => (from, at - 1),
            ArraySyntax or InlineTableSyntax or StringValueSyntax when value.Value.Span.End.Line >= at =>
                (from, Math.Min(value.Value.Span.End.Line, count - 1)),
            _ => (at, at),
        };
    }

    /// <summary>The error at the place where a person looks for it: an open quote or bracket is noticed far below, but mended where it was opened.</summary>
    private static TomlSyntaxError Error(DiagnosticMessage message, KeyValueSyntax? value, int from)
    {
        var place = message.Span.Start;
        if (value?.Value is { } opened && opened.Span.Start.Line == from && SyntaxWords.IsUnclosed(message.Message)
            && (from < place.Line || opened is StringValueSyntax))
        {
            return new TomlSyntaxError(new(from + 1, opened.Span.Start.Column + 1), opened is StringValueSyntax
                ? "opens a string that is not closed; it ends with the quote it began with"
                : "opens a bracket that is not closed");
        }
        return new TomlSyntaxError(new(place.Line + 1, place.Column + 1), SyntaxWords.Of(message.Message));
    }
}
