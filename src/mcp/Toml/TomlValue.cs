namespace Mcp.Toml;

/// <summary>A place in a text; both count from 1, columns in characters.</summary>
internal readonly record struct TomlPosition(int Line, int Column);

/// <summary>What kind of value a key has.</summary>
internal enum TomlKind
{
    /// <summary>A string of any of the four notations.</summary>
    String,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A number with a fraction or exponent.</summary>
    Float,

    /// <summary>true or false.</summary>
    Boolean,

    /// <summary>A date, a time, or both.</summary>
    DateTime,

    /// <summary>A list of values, or the tables of <c>[[key]]</c>.</summary>
    List,

    /// <summary>A table: <c>[key]</c>, <c>{ … }</c>, or made by a dotted key.</summary>
    Table,

    /// <summary>The key is there, but its line has a syntax error that was reported: nothing more is to be said about it.</summary>
    Broken,
}

/// <summary>A value with its place. Only the content that belongs to <see cref="Kind"/> is set.</summary>
internal sealed record TomlValue(TomlKind Kind, TomlPosition KeyAt, TomlPosition At)
{
    /// <summary>Of a string.</summary>
    public string Text { get; init; } = "";

    /// <summary>Of a whole number.</summary>
    public long Number { get; init; }

    /// <summary>Of true and false.</summary>
    public bool Truth { get; init; }

    /// <summary>Of a list; grows while <c>[[key]]</c> headers follow.</summary>
    public List<TomlValue> Items { get; init; } = [];

    /// <summary>Whether a list was made by <c>[[key]]</c> headers, and may be continued by more of them.</summary>
    public bool IsTableArray { get; init; }

    /// <summary>Of a table.</summary>
    public TomlTable? Table { get; init; }

    /// <summary>The kind in words, with its article.</summary>
    public string KindText => Kind switch
    {
        TomlKind.String => "a string",
        TomlKind.Integer => "a number",
        TomlKind.Float => "a number with a fraction",
        TomlKind.Boolean => "true or false",
        TomlKind.DateTime => "a date or time",
        TomlKind.List => "a list",
        _ => "a table",
    };
}
