using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Mcp.Text;
using Spectre.Console;

namespace Mcp.Cli.Output;

/// <summary>Results on standard output: tables in colour on a terminal, plain columns elsewhere, or JSON.</summary>
internal sealed class Screen(CommandContext context)
{
    // Nothing is cut where nobody looks at it: a file or a pipe gets every character of the widest row.
    private const int UnlimitedWidth = 4096;

    /// <summary>One line; text from elsewhere is escaped.</summary>
    public void Line(string text = "") => context.Out.WriteLine(Printable.Line(text));

    /// <summary>One line whose first word is coloured on a terminal by what it means.</summary>
    public void Line(string text, Tone tone)
    {
        var safe = Printable.Line(text);
        var word = safe.IndexOf(' ') is > 0 and var end ? end : safe.Length;
        context.Out.WriteLine(context.OutIsTerminal && context.Colours && tone != Tone.Plain
            ? $"\e[{tone switch { Tone.Good => "32", Tone.Warning => "33", Tone.Bad => "31", _ => "2" }}m{safe[..word]}\e[0m{safe[word..]}"
            : safe);
    }

    /// <summary>Several lines, as a definition.</summary>
    public void Block(string text) => context.Out.Write(Printable.Block(text, maxLength: 16 * 1024 * 1024));

    /// <summary>A table, or <paramref name="ifEmpty"/> on standard error when there are no rows: a script then reads an empty output.</summary>
    public void Table(Listing listing, string ifEmpty)
    {
        if (listing.Rows.Count == 0)
        {
            context.Reporter.Note(ifEmpty);
            return;
        }
        var table = new Table().Border(TableBorder.None);
        foreach (var column in listing.Columns)
            table.AddColumn(new TableColumn(new Spectre.Console.Text(column, StyleOf(Tone.Dim))).Padding(new Padding(0, 0, 2, 0)).NoWrap());
        foreach (var row in listing.Rows)
            table.AddRow(row.Select(cell => new Spectre.Console.Text(cell.Text.Length == 0 ? "-" : Printable.Line(cell.Text), StyleOf(cell.Tone))));

        var text = new StringWriter();
        OpenConsole(text, context.OutIsTerminal && context.Colours, context.OutIsTerminal ? TerminalWidth() : UnlimitedWidth).Write(table);
        foreach (var line in text.ToString().TrimEnd('\n').Split('\n'))
            context.Out.WriteLine(line.TrimEnd());
    }

    /// <summary>A document of the stable schema in docs/cli.md.</summary>
    public void Json<T>(T document, JsonTypeInfo<T> type) => context.Out.WriteLine(JsonSerializer.Serialize(document, type));

    /// <summary>A console of the table library that writes to <paramref name="writer"/> and finds out nothing by itself.</summary>
    internal static IAnsiConsole OpenConsole(TextWriter writer, bool colours, int width, bool redraws = false)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = colours ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = colours ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = redraws ? InteractionSupport.Yes : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        console.Profile.Width = width;
        return console;
    }

    /// <summary>Columns of the terminal; 80 when it does not say.</summary>
    internal static int TerminalWidth()
    {
        try
        {
            return Console.WindowWidth > 20 ? Console.WindowWidth : 80;
        }
        catch (IOException)
        {
            return 80;
        }
    }

    private static Style StyleOf(Tone tone) => tone switch
    {
        Tone.Good => new Style(Color.Green),
        Tone.Warning => new Style(Color.Yellow),
        Tone.Bad => new Style(Color.Red),
        Tone.Dim => new Style(decoration: Decoration.Dim),
        _ => Style.Plain,
    };
}
