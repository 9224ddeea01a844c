namespace Mcp.Toml;

/// <summary>
/// A table of a TOML text. Each getter makes its key known (see <see cref="TomlDocument.RejectUnknown"/>), and records a problem with file, line,
/// column and dotted key when the value is missing or of another kind; it then returns the default, so that reading goes on and finds the rest.
/// </summary>
internal sealed class TomlTable
{
    /// <summary>The dotted key of this table: <c>components[0].health</c>; empty for the top level.</summary>
    public string Path => throw new NotImplementedException();

    /// <summary>The document that problems go to.</summary>
    public TomlDocument Document => throw new NotImplementedException();

    /// <summary>Whether the text has the key; makes nothing known.</summary>
    public bool Has(string key) => throw new NotImplementedException();

    /// <summary>The keys of the text in their order; makes nothing known.</summary>
    public IReadOnlyList<string> Keys => throw new NotImplementedException();

    /// <summary>The full dotted key of <paramref name="key"/> in this table.</summary>
    public string PathOf(string key) => throw new NotImplementedException();

    /// <summary>A string that must be there and not be empty; "" after a problem.</summary>
    public string RequiredString(string key) => throw new NotImplementedException();

    /// <summary>A string, or null when absent.</summary>
    public string? OptionalString(string key) => throw new NotImplementedException();

    /// <summary>A string, or <paramref name="fallback"/> when absent.</summary>
    public string String(string key, string fallback) => throw new NotImplementedException();

    /// <summary>One of the <paramref name="allowed"/> strings, or <paramref name="fallback"/> when absent.</summary>
    public string Choice(string key, string fallback, params ReadOnlySpan<string> allowed) => throw new NotImplementedException();

    /// <summary>A duration as "2s", "1m30s", "500ms", "7d"; null when absent. A bare number is refused: its unit would be a guess.</summary>
    public TimeSpan? OptionalDuration(string key) => throw new NotImplementedException();

    /// <summary>A duration, or <paramref name="fallback"/> when absent.</summary>
    public TimeSpan Duration(string key, TimeSpan fallback) => throw new NotImplementedException();

    /// <summary>true or false, or null when absent.</summary>
    public bool? OptionalBool(string key) => throw new NotImplementedException();

    /// <summary>true or false, or <paramref name="fallback"/> when absent.</summary>
    public bool Bool(string key, bool fallback) => throw new NotImplementedException();

    /// <summary>A whole number between the bounds, both inclusive; null when absent.</summary>
    public long? OptionalInteger(string key, long min, long max) => throw new NotImplementedException();

    /// <summary>A whole number between the bounds, both inclusive, or <paramref name="fallback"/> when absent.</summary>
    public long Integer(string key, long fallback, long min, long max) => throw new NotImplementedException();

    /// <summary>A port from 1 to 65535, or null when absent.</summary>
    public int? OptionalPort(string key) => throw new NotImplementedException();

    /// <summary>A port from 1 to 65535, or <paramref name="fallback"/> when absent.</summary>
    public int Port(string key, int fallback) => throw new NotImplementedException();

    /// <summary>A list of ports; empty when absent.</summary>
    public IReadOnlyList<int> PortList(string key) => throw new NotImplementedException();

    /// <summary>A list of strings; null when absent.</summary>
    public IReadOnlyList<string>? OptionalStringList(string key) => throw new NotImplementedException();

    /// <summary>A list of strings; empty when absent.</summary>
    public IReadOnlyList<string> StringList(string key) => throw new NotImplementedException();

    /// <summary>One string or a list of strings; <paramref name="fallback"/> when absent.</summary>
    public IReadOnlyList<string> StringOrList(string key, params IReadOnlyList<string> fallback) => throw new NotImplementedException();

    /// <summary>A table, or null when absent.</summary>
    public TomlTable? OptionalTable(string key) => throw new NotImplementedException();

    /// <summary>A table; an empty one when absent, so that its keys take their defaults.</summary>
    public TomlTable Table(string key) => throw new NotImplementedException();

    /// <summary>An array of tables (<c>[[key]]</c>); empty when absent.</summary>
    public IReadOnlyList<TomlTable> ArrayOfTables(string key) => throw new NotImplementedException();

    /// <summary>Makes a key known that this version reads but does nothing with; if it is there, that is a warning with the reason.</summary>
    public void NotUsed(string key, string why) => throw new NotImplementedException();

    /// <summary>Records a problem at <paramref name="key"/>, or at this table when the key is missing.</summary>
    public void AddProblem(string key, string message) => throw new NotImplementedException();

    /// <summary>Records a warning at <paramref name="key"/>, or at this table when the key is missing.</summary>
    public void AddWarning(string key, string message) => throw new NotImplementedException();
}
