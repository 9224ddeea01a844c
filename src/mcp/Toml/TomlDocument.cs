using Mcp.Errors;
using Mcp.Text;

namespace Mcp.Toml;

/// <summary>
/// One TOML text as it was read. The getters of its tables add to <see cref="Problems"/>, so the order of use is: read, take every key that is
/// known, <see cref="RejectUnknown"/>, and only then look whether there are problems.
/// </summary>
internal sealed class TomlDocument
{
    private readonly List<TextProblem> _problems = [];
    private readonly List<TextProblem> _warnings = [];
    private readonly HashSet<string> _broken = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TomlPosition> _places = new(StringComparer.Ordinal);

    /// <summary>An empty document; <see cref="TomlText"/> fills it.</summary>
    public TomlDocument(string file)
    {
        File = file;
        Root = new TomlTable(this, "", default);
    }

    /// <summary>The file as it was named.</summary>
    public string File { get; }

    /// <summary>The top-level table; empty when the text could not be read at all.</summary>
    public TomlTable Root { get; }

    /// <summary>Every mistake so far, in the order of the text.</summary>
    public IReadOnlyList<TextProblem> Problems => [.. _problems.OrderBy(p => p.Line).ThenBy(p => p.Column)];

    /// <summary>What is not wrong but will not do what its writer thinks, in the order of the text.</summary>
    public IReadOnlyList<TextProblem> Warnings => [.. _warnings.OrderBy(p => p.Line).ThenBy(p => p.Column)];

    /// <summary>Whether there is a tree to look at: false when the file could not be read, or its syntax is beyond repair; missing keys then say nothing.</summary>
    public bool IsWellFormed { get; set; } = true;

    /// <summary>Adds a problem for every key of every table that no getter asked for, naming the keys that exist there.</summary>
    public void RejectUnknown() => Root.RejectUnknown();

    /// <summary>Adds a problem at the place of a dotted key, or of the nearest table around it when the key is missing.</summary>
    public void AddProblem(string key, string message) => AddProblem(PlaceOf(key), key, message);

    /// <summary>Adds a problem at a place.</summary>
    public void AddProblem(TomlPosition at, string key, string message) => _problems.Add(Make(at, key, message));

    /// <summary>As <see cref="AddProblem(string, string)"/>, for a warning.</summary>
    public void AddWarning(string key, string message) => AddWarning(PlaceOf(key), key, message);

    /// <summary>Adds a warning at a place.</summary>
    public void AddWarning(TomlPosition at, string key, string message) => _warnings.Add(Make(at, key, message));

    /// <summary>Whether a key stands on a line with a syntax error, so that its value is not known.</summary>
    public bool IsBroken(string key) => _broken.Contains(key);

    /// <summary>Remembers that the value of a key could not be read.</summary>
    public void MarkBroken(string key) => _broken.Add(key);

    /// <summary>Throws when there are problems.</summary>
    /// <exception cref="McpException">InvalidArgument with all problems; <paramref name="what"/> begins the message, as "the agent's configuration".</exception>
    public void ThrowIfWrong(string what)
    {
        if (_problems.Count == 0)
            return;
        throw new McpException(FaultCode.InvalidArgument, $"{what} has {(_problems.Count == 1 ? "one mistake" : $"{_problems.Count} mistakes")}")
        {
            Problems = Problems,
            Hint = $"edit {File}",
        };
    }

    /// <summary>Remembers where the value of a dotted key stands.</summary>
    public void Place(string key, TomlPosition at) => _places.TryAdd(key, at);

    /// <summary>The place of a key; of the nearest key around it when it is missing; the beginning of the text when there is none.</summary>
    private TomlPosition PlaceOf(string key)
    {
        while (key.Length > 0)
        {
            if (_places.TryGetValue(key, out var place))
                return place;
            key = key[..Math.Max(0, key.LastIndexOfAny(['.', '[']))];
        }
        return IsWellFormed ? new(1, 1) : default;
    }

    // Keys and values are text from elsewhere: they may hold whatever moves a cursor.
    private TextProblem Make(TomlPosition at, string key, string message) =>
        new(File, at.Line, at.Column, Printable.Line(key, 200), Printable.Line(message, 1000));
}
