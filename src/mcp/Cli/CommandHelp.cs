using Mcp.Names;

namespace Mcp.Cli;

/// <summary>Help for people: an overview in the order in which one meets the commands, and one page a command.</summary>
internal sealed class CommandHelp(CommandCatalogue catalogue, TextWriter output)
{
    /// <summary>The commands by what one wants to do; a test demands that every command is in exactly one group.</summary>
    internal static readonly IReadOnlyList<(string Title, string[] Verbs)> Groups =
    [
        ("Try it", ["dev"]),
        ("Services", ["deploy", "plan", "sync", "undeploy", "stop", "start", "restart", "history", "rollback", "service", "push", "pull", "adopt", "purge", "data", "migrate"]),
        ("Backups", ["snapshot"]),
        ("Look", ["status", "list", "ps", "logs", "events", "watch", "route", "cert", "ca", "doctor"]),
        ("Fleet", ["node", "operator", "login"]),
        ("Roles", ["master", "agent"]),
        ("Shell", ["completion"]),
    ];

    /// <summary>Every command with one sentence.</summary>
    public void WriteOverview()
    {
        output.WriteLine($"mcp {ProgramVersion.Text}: stateful services on a few Linux nodes with podman");
        output.WriteLine();
        output.WriteLine("Usage: mcp <command> [arguments] [options]");
        foreach (var (title, verbs) in Groups)
        {
            output.WriteLine();
            output.WriteLine(title);
            var names = verbs.SelectMany(v => catalogue.Names.Where(n => n == v || n.StartsWith(v + " ", StringComparison.Ordinal)));
            WriteRows(names.Select(n => (n, catalogue.Shape(n).Description)));
        }
        output.WriteLine();
        output.WriteLine("Options of every command");
        WriteOptions(CommonOptions.All);
        output.WriteLine();
        output.WriteLine("Read more: mcp help <command>");
    }

    /// <summary>The commands of one group.</summary>
    public void WriteGroup(string group)
    {
        output.WriteLine($"Usage: mcp {group} <command> [arguments] [options]");
        output.WriteLine();
        WriteRows(catalogue.Group(group).Select(n => (n, catalogue.Shape($"{group} {n}").Description)));
        output.WriteLine();
        output.WriteLine($"Read more: mcp help {group} <command>");
    }

    /// <summary>All about one command.</summary>
    public void WriteCommand(CommandShape shape)
    {
        output.WriteLine(shape.Description);
        output.WriteLine();
        output.WriteLine($"Usage: {shape.Usage}");
        if (shape.Arguments.Count > 0)
        {
            output.WriteLine();
            output.WriteLine("Arguments");
            WriteRows(shape.Arguments.Select(a => (a.Name, a.Description)));
        }
        if (shape.Options.Count > 0)
        {
            output.WriteLine();
            output.WriteLine("Options");
            WriteOptions(shape.Options);
        }
        output.WriteLine();
        output.WriteLine("Options of every command");
        WriteOptions(CommonOptions.All);
    }

    private void WriteOptions(IEnumerable<OptionShape> options) => WriteRows(options.Select(o =>
        ((o.Short.Length > 0 ? $"{o.Short}, {o.Long}" : $"    {o.Long}") + (o.TakesValue ? $" <{o.Long[2..]}>" : ""), o.Description)));

    private void WriteRows(IEnumerable<(string Left, string Right)> rows)
    {
        var all = rows.ToList();
        var width = all.Count == 0 ? 0 : all.Max(r => r.Left.Length);
        foreach (var (left, right) in all)
            output.WriteLine($"  {left.PadRight(width)}  {right}".TrimEnd());
    }
}
