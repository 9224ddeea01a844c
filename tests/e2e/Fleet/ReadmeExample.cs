using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>
/// The example of three machines in README.md, as blocks of lines under the comment that says where they are typed. The fleet tests type these very
/// lines; only addresses and names of machines are put in. An example that has drifted from the program fails here, before a reader finds it.
/// </summary>
internal static class ReadmeExample
{
    private const string Heading = "## A fleet of three machines";

    /// <summary>What is typed on the first machine.</summary>
    public static IReadOnlyList<string> OnTheMaster => Block("on the first machine", 0);

    /// <summary>What is typed on the operator's machine before a node joins.</summary>
    public static IReadOnlyList<string> OnYourMachine => Block("on your own machine", 0);

    /// <summary>What is typed on a node.</summary>
    public static IReadOnlyList<string> OnTheNode => Block("on the node", 0);

    /// <summary>What is typed on the operator's machine afterwards.</summary>
    public static IReadOnlyList<string> Afterwards => Block("on your own machine", 1);

    private static List<string> Block(string where, int which)
    {
        var text = File.ReadAllText(Repository.PathOf("README.md"));
        var start = text.IndexOf(Heading, StringComparison.Ordinal);
        var from = start < 0 ? -1 : text.IndexOf("```sh\n", start, StringComparison.Ordinal);
        if (from < 0)
            throw new InvalidOperationException($"README.md has no shell block under '{Heading}': the fleet tests type what it says");
        from += "```sh\n".Length;
        var lines = text[from..text.IndexOf("```", from, StringComparison.Ordinal)].Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var blocks = new List<(string Where, List<string> Lines)>();
        foreach (var line in lines)
        {
            if (line.StartsWith("# ", StringComparison.Ordinal))
                blocks.Add((line[2..], []));
            else
                blocks[^1].Lines.Add(line);
        }
        var found = blocks.Where(b => b.Where.StartsWith(where, StringComparison.Ordinal)).ElementAtOrDefault(which).Lines;
        return found is { Count: > 0 } ? found : throw new InvalidOperationException($"README.md's example has no lines '# {where}' ({which + 1})");
    }
}
