using Mcp.Errors;

namespace Mcp.Definitions;

/// <summary>The broken rules of one spec, with keys in the words of the definition.</summary>
internal sealed class SpecProblems
{
    private readonly List<TextProblem> _list = [];

    /// <summary>All of them in the order they were found.</summary>
    public IReadOnlyList<TextProblem> All => _list;

    /// <summary>Adds one: what is wrong and what is allowed, in words that follow the key.</summary>
    public void Add(string key, string message) => _list.Add(new TextProblem("", 0, 0, key, Text.Printable.Line(message, 1000)));

    /// <summary>Adds one if there is one.</summary>
    public void AddIf(string key, string? message)
    {
        if (message is not null)
            Add(key, message);
    }

    /// <summary>Adds a problem for each entry that was in the list before.</summary>
    public void AddRepeated(string key, IReadOnlyList<string> values, string what)
    {
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < values.Count; i++)
        {
            if (values[i].Length > 0 && !seen.TryAdd(values[i], i))
                Add($"{key}[{i}]", $"{what} \"{values[i]}\" is there already, as {key}[{seen[values[i]]}]");
        }
    }
}
