using ConsoleAppFramework;

namespace Mcp.Cli;

/// <summary>Every command of the program and what it takes, read from the framework's generated help (see <see cref="CommandShape"/>).</summary>
internal sealed class CommandCatalogue(ConsoleApp.ConsoleAppBuilder app)
{
    /// <summary>Commands that work but are not for people: they are named in no list.</summary>
    private static readonly HashSet<string> Hidden = ["demo-server", "self-check"];

    private readonly Dictionary<string, CommandShape> _shapes = new(StringComparer.Ordinal);

    /// <summary>All names, hidden ones too: <c>deploy</c>, <c>node add</c>, …</summary>
    public IReadOnlyList<string> AllNames => field ??= ReadNames();

    /// <summary>The names that people are told of.</summary>
    public IEnumerable<string> Names => AllNames.Where(n => !Hidden.Contains(n));

    /// <summary>What the command takes.</summary>
    public CommandShape Shape(string name) =>
        _shapes.TryGetValue(name, out var shape) ? shape : _shapes[name] = CommandShape.Parse(name, Help([.. name.Split(' '), "--help"]));

    /// <summary>The commands of a group: <c>add, cordon, …</c> of <c>node</c>; empty when there is no such group.</summary>
    public IReadOnlyList<string> Group(string group) =>
        [.. Names.Where(n => n.StartsWith(group + " ", StringComparison.Ordinal)).Select(n => n[(group.Length + 1)..])];

    private List<string> ReadNames()
    {
        var names = new List<string>();
        var listed = false;
        foreach (var line in Help("--help").Split('\n').Select(l => l.Trim()))
        {
            if (line == "Commands:")
                listed = true;
            else if (listed && line.Length > 0)
                names.Add(line.Split("  ")[0]);
        }
        return names;
    }

    private string Help(params string[] args)
    {
        // The framework writes help through this static; it is ours for the length of one call that runs no command.
        var text = new StringWriter();
        var before = ConsoleApp.Log;
        ConsoleApp.Log = line => text.WriteLine(line);
        try
        {
            app.Run(args);
        }
        finally
        {
            ConsoleApp.Log = before;
        }
        return text.ToString();
    }
}
