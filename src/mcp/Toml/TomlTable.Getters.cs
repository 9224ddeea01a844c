using System.Globalization;

namespace Mcp.Toml;

/// <summary>The typed getters.</summary>
internal sealed partial class TomlTable
{
    private const string AString = "a string in quotes";

    /// <summary>A string that must be there and not be empty; "" after a problem.</summary>
    public string RequiredString(string key)
    {
        var value = OptionalString(key);
        if (value is null && !Has(key))
            AddProblem(key, "is missing");
        if (value is { Length: 0 })
            AddProblem(key, "is empty");
        return value ?? "";
    }

    /// <summary>A string, or null when absent.</summary>
    public string? OptionalString(string key) => Expect(key, TomlKind.String, AString)?.Text;

    /// <summary>A string, or <paramref name="fallback"/> when absent.</summary>
    public string String(string key, string fallback) => OptionalString(key) ?? fallback;

    /// <summary>One of the <paramref name="allowed"/> strings, or <paramref name="fallback"/> when absent.</summary>
    public string Choice(string key, string fallback, params ReadOnlySpan<string> allowed)
    {
        if (OptionalString(key) is not { } value)
            return fallback;
        if (allowed.Contains(value))
            return value;
        AddProblem(key, $"is \"{value}\"; allowed are \"{string.Join("\", \"", allowed)}\"");
        return fallback;
    }

    /// <summary>A duration as "2s", "1m30s", "500ms", "7d"; null when absent. A bare number is refused: its unit would be a guess.</summary>
    public TimeSpan? OptionalDuration(string key)
    {
        if (Expect(key, TomlKind.String, $"{DurationText.Form},") is not { } value)
            return null;
        if (DurationText.TryParse(value.Text, out var duration, out var problem))
            return duration;
        AddProblem(key, $"\"{value.Text}\" {problem}");
        return null;
    }

    /// <summary>A duration, or <paramref name="fallback"/> when absent.</summary>
    public TimeSpan Duration(string key, TimeSpan fallback) => OptionalDuration(key) ?? fallback;

    /// <summary>true or false, or null when absent.</summary>
    public bool? OptionalBool(string key) => Expect(key, TomlKind.Boolean, "true or false without quotes")?.Truth;

    /// <summary>true or false, or <paramref name="fallback"/> when absent.</summary>
    public bool Bool(string key, bool fallback) => OptionalBool(key) ?? fallback;

    /// <summary>A whole number between the bounds, both inclusive; null when absent.</summary>
    public long? OptionalInteger(string key, long min, long max)
    {
        if (Expect(key, TomlKind.Integer, "a whole number without quotes") is not { } value)
            return null;
        return InRange(value, PathOf(key), min, max) ? value.Number : null;
    }

    /// <summary>A whole number between the bounds, both inclusive, or <paramref name="fallback"/> when absent.</summary>
    public long Integer(string key, long fallback, long min, long max) => OptionalInteger(key, min, max) ?? fallback;

    /// <summary>A port from 1 to 65535, or null when absent.</summary>
    public int? OptionalPort(string key) => (int?)OptionalInteger(key, 1, 65535);

    /// <summary>A port from 1 to 65535, or <paramref name="fallback"/> when absent.</summary>
    public int Port(string key, int fallback) => OptionalPort(key) ?? fallback;

    /// <summary>A list of ports; empty when absent.</summary>
    public IReadOnlyList<int> PortList(string key)
    {
        var ports = new List<int>();
        foreach (var (item, itemPath) in Items(key, TomlKind.Integer, "a list of ports", "a port"))
        {
            if (InRange(item, itemPath, 1, 65535))
                ports.Add((int)item.Number);
        }
        return ports;
    }

    /// <summary>A list of strings; null when absent.</summary>
    public IReadOnlyList<string>? OptionalStringList(string key)
    {
        var items = StringList(key);
        return Has(key) ? items : null;
    }

    /// <summary>A list of strings; empty when absent.</summary>
    public IReadOnlyList<string> StringList(string key) =>
        [.. Items(key, TomlKind.String, "a list of strings, as [\"one\", \"two\"],", AString).Select(i => i.Item.Text)];

    /// <summary>One string or a list of strings; <paramref name="fallback"/> when absent.</summary>
    public IReadOnlyList<string> StringOrList(string key, params IReadOnlyList<string> fallback) =>
        Know(key) switch
        {
            null => fallback,
            { Kind: TomlKind.String } value => [value.Text],
            _ => StringList(key),
        };

    /// <summary>A table, or null when absent.</summary>
    public TomlTable? OptionalTable(string key)
    {
        if (Expect(key, TomlKind.Table, $"a table [{PathOf(key)}]")?.Table is not { } table)
            return null;
        table._handedOut = true;
        return table;
    }

    /// <summary>A table; an empty one when absent, so that its keys take their defaults.</summary>
    public TomlTable Table(string key) => OptionalTable(key) ?? new TomlTable(document, PathOf(key), at);

    /// <summary>An array of tables (<c>[[key]]</c>); empty when absent.</summary>
    public IReadOnlyList<TomlTable> ArrayOfTables(string key)
    {
        var tables = new List<TomlTable>();
        var written = $"[[{WithoutIndexes(PathOf(key))}]]";
        foreach (var (item, _) in Items(key, TomlKind.Table, $"a list of tables {written}", $"a table {written}"))
        {
            item.Table!._handedOut = true;
            tables.Add(item.Table);
        }
        return tables;
    }

    private IEnumerable<(TomlValue Item, string Path)> Items(string key, TomlKind kind, string expectedList, string expectedItem)
    {
        if (Expect(key, TomlKind.List, expectedList) is not { } list)
            yield break;
        for (var i = 0; i < list.Items.Count; i++)
        {
            var (item, itemPath) = (list.Items[i], string.Create(CultureInfo.InvariantCulture, $"{PathOf(key)}[{i}]"));
            if (item.Kind == kind)
                yield return (item, itemPath);
            else if (item.Kind != TomlKind.Broken)
                document.AddProblem(item.At, itemPath, $"is {item.KindText}; {expectedItem} is needed");
        }
    }

    private bool InRange(TomlValue value, string fullKey, long min, long max)
    {
        var good = value.Number >= min && value.Number <= max;
        if (!good)
            document.AddProblem(value.At, fullKey, $"is {value.Number}; allowed are {min} to {max}");
        return good;
    }

    // components[0].routes is written [[components.routes]].
    private static string WithoutIndexes(string path) => string.Join('.', path.Split('.').Select(part => part.Split('[')[0]));
}
