namespace Mcp.Cli.Output;

/// <summary>Rows under headings, before anything is known about the terminal.</summary>
internal sealed class Listing(params string[] columns)
{
    private readonly List<Cell[]> _rows = [];

    /// <summary>The headings.</summary>
    public IReadOnlyList<string> Columns => columns;

    /// <summary>The rows in order.</summary>
    public IReadOnlyList<Cell[]> Rows => _rows;

    /// <summary>Adds a row with one cell for each heading.</summary>
    public void Add(params Cell[] cells) =>
        _rows.Add(cells.Length == columns.Length ? cells : throw new ArgumentException($"{cells.Length} cells under {columns.Length} headings."));
}
