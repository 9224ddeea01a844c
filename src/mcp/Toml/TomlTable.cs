namespace Mcp.Toml;

/// <summary>
/// A table of a TOML text. Each getter makes its key known (see <see cref="TomlDocument.RejectUnknown"/>), and records a problem with file, line,
/// column and dotted key when the value is missing or of another kind; it then returns the default, so that reading goes on and finds the rest.
/// </summary>
internal sealed partial class TomlTable(TomlDocument document, string path, TomlPosition at)
{
    private readonly Dictionary<string, TomlValue> _values = new(StringComparer.Ordinal);
    private readonly List<string> _order = [];
    private readonly List<string> _known = [];
    private readonly HashSet<string> _ignored = new(StringComparer.Ordinal);
    private bool _handedOut = path.Length == 0;

    /// <summary>The dotted key of this table: <c>components[0].health</c>; empty for the top level.</summary>
    public string Path => path;

    /// <summary>The document that problems go to.</summary>
    public TomlDocument Document => document;

    /// <summary>Where the table begins.</summary>
    public TomlPosition At => at;

    /// <summary>The keys of the text in their order; makes nothing known.</summary>
    public IReadOnlyList<string> Keys => _order;

    /// <summary>Whether it was written in braces, so that nothing can be added to it.</summary>
    public bool IsClosed { get; set; }

    /// <summary>Whether a header of its own was seen; a second one is a mistake.</summary>
    public bool IsOpened { get; set; }

    /// <summary>Whether the text has the key; makes nothing known.</summary>
    public bool Has(string key) => _values.ContainsKey(key);

    /// <summary>The full dotted key of <paramref name="key"/> in this table.</summary>
    public string PathOf(string key) => Join(path, key);

    /// <summary>Joins a table's path and a key, in quotes where it is not a bare one.</summary>
    public static string Join(string path, string key)
    {
        var part = key.Length > 0 && key.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-') ? key : $"\"{key}\"";
        return path.Length == 0 ? part : $"{path}.{part}";
    }

    /// <summary>Makes a key known that this version reads but does nothing with; if it is there, that is a warning with the reason.</summary>
    public void NotUsed(string key, string why)
    {
        if (Know(key) is not { } value)
            return;
        _ignored.Add(key);
        document.AddWarning(value.KeyAt, PathOf(key), why);
    }

    /// <summary>Records a problem at <paramref name="key"/>, or at this table when the key is missing.</summary>
    public void AddProblem(string key, string message) =>
        document.AddProblem(Get(key)?.At ?? PlaceOrStart, PathOf(key), message);

    /// <summary>Records a warning at <paramref name="key"/>, or at this table when the key is missing.</summary>
    public void AddWarning(string key, string message) =>
        document.AddWarning(Get(key)?.At ?? PlaceOrStart, PathOf(key), message);

    /// <summary>The value of a key, for the builder of the tree; makes nothing known.</summary>
    public TomlValue? Get(string key) => _values.GetValueOrDefault(key);

    /// <summary>Adds a value, for the builder of the tree.</summary>
    public void Set(string key, TomlValue value)
    {
        _values.Add(key, value);
        _order.Add(key);
    }

    /// <summary>Adds a problem for every key that no getter asked for, here and in every table that was handed out.</summary>
    public void RejectUnknown()
    {
        foreach (var key in _order)
        {
            var value = _values[key];
            if (!_known.Contains(key))
                document.AddProblem(value.KeyAt, PathOf(key), UnknownKey.Message(key, _known));
            else if (!_ignored.Contains(key))
            {
                foreach (var inner in value.Items.Append(value))
                {
                    if (inner.Table is { _handedOut: true } table)
                        table.RejectUnknown();
                }
            }
        }
    }

    // The top level begins where the text begins; a table made up for a missing key, at the place of the nearest one.
    private TomlPosition PlaceOrStart => at.Line > 0 ? at : new(1, 1);

    /// <summary>Makes a key known and returns its value; null when it is absent, or broken (which was said).</summary>
    private TomlValue? Know(string key)
    {
        if (!_known.Contains(key))
            _known.Add(key);
        return _values.GetValueOrDefault(key) is { Kind: not TomlKind.Broken } value ? value : null;
    }

    private TomlValue? Expect(string key, TomlKind kind, string expected)
    {
        if (Know(key) is not { } value)
            return null;
        if (value.Kind == kind)
            return value;
        document.AddProblem(value.At, PathOf(key), $"is {value.KindText}; {expected} is needed");
        return null;
    }
}
