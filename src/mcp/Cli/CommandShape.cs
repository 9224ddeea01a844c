namespace Mcp.Cli;

/// <summary>One option of a command.</summary>
/// <param name="Long">With its dashes: <c>--file</c>.</param>
/// <param name="Short"><c>-f</c>, or empty.</param>
/// <param name="TakesValue">False for a flag.</param>
/// <param name="Description">For people.</param>
/// <param name="Required">The command cannot run without it.</param>
internal sealed record OptionShape(string Long, string Short, bool TakesValue, string Description, bool Required);

/// <summary>One positional argument of a command.</summary>
/// <param name="Name">As the usage line shows it.</param>
/// <param name="Description">For people.</param>
/// <param name="Required">False when it may be left out.</param>
internal sealed record ArgumentShape(string Name, string Description, bool Required)
{
    /// <summary>Any number of words: <c>services...</c>; always the last one, and none is required.</summary>
    public bool Repeats => Name.EndsWith("...", StringComparison.Ordinal);
}

/// <summary>
/// What a command takes. It is read from the help text that ConsoleAppFramework generates out of the command's signature and comments,
/// because that is the only place that cannot drift from the code: help, completion, "did you mean" and docs/cli.md all hang on it.
/// A positional argument's description begins with its name and a colon, since the generated text shows only its number.
/// </summary>
/// <param name="Name">The verb or verbs: <c>node add</c>.</param>
/// <param name="Description">One sentence.</param>
/// <param name="Arguments">In order.</param>
/// <param name="Options">In order; those of every command are not among them.</param>
internal sealed record CommandShape(string Name, string Description, IReadOnlyList<ArgumentShape> Arguments, IReadOnlyList<OptionShape> Options)
{
    /// <summary>The line that shows how to type it.</summary>
    public string Usage => $"mcp {Name}"
        + string.Concat(Arguments.Select(a => a.Required ? $" <{a.Name}>" : $" [{a.Name}]"))
        + string.Concat(Options.Where(o => o.Required).Select(o => $" {o.Long} <{o.Long[2..]}>"))
        + (Options.Any(o => !o.Required) ? " [options]" : "");

    /// <summary>Reads the generated help of one command.</summary>
    public static CommandShape Parse(string name, string help)
    {
        var description = "";
        var arguments = new List<ArgumentShape>();
        var options = new List<OptionShape>();
        var section = "";
        foreach (var line in help.Split('\n').Select(l => l.TrimEnd()))
        {
            if (line is "Arguments:" or "Options:")
                section = line;
            else if (line.StartsWith("Usage:", StringComparison.Ordinal) || line.Length == 0)
                continue;
            else if (section.Length == 0)
                description = description.Length == 0 ? line.Trim() : $"{description} {line.Trim()}";
            else if (section == "Arguments:")
                arguments.Add(ParseArgument(line.Trim()));
            else
                options.Add(ParseOption(line.Trim()));
        }
        return new CommandShape(name, description, arguments, options);
    }

    // "[0] <string?>    service: its name"
    private static ArgumentShape ParseArgument(string line)
    {
        var (left, right) = Columns(line);
        var colon = right.IndexOf(": ", StringComparison.Ordinal);
        var required = !left.Contains("?>", StringComparison.Ordinal) && !left.Contains("[]", StringComparison.Ordinal) && !left.Contains("...", StringComparison.Ordinal);
        return colon < 0 ? new ArgumentShape(right, right, required) : new ArgumentShape(right[..colon], right[(colon + 2)..], required);
    }

    // "-f, --file <string?>    the definition file [Default: null]"
    private static OptionShape ParseOption(string line)
    {
        var (left, right) = Columns(line);
        var required = right.Contains("[Required]", StringComparison.Ordinal);
        var note = right.LastIndexOf(" [", StringComparison.Ordinal);
        if (right.EndsWith(']') && note >= 0 && (required || right[note..].StartsWith(" [Default: ", StringComparison.Ordinal)))
            right = right[..note];
        var value = left.IndexOf('<', StringComparison.Ordinal);
        var names = (value < 0 ? left : left[..value]).Split([',', ' '], StringSplitOptions.RemoveEmptyEntries);
        return new OptionShape(
            names.First(n => n.StartsWith("--", StringComparison.Ordinal)),
            names.FirstOrDefault(n => !n.StartsWith("--", StringComparison.Ordinal)) ?? "",
            value >= 0, right, required);
    }

    private static (string Left, string Right) Columns(string line)
    {
        var gap = line.IndexOf("  ", StringComparison.Ordinal);
        return gap < 0 ? (line, "") : (line[..gap], line[gap..].Trim());
    }
}
