using Tomlyn.Syntax;

namespace Mcp.Toml;

/// <summary>
/// Syntax tree → tables, by the rules of TOML 1.0: a key is written once, a table is opened once, what was written in braces is closed.
/// The second of two is a problem that names the line of the first, and is otherwise ignored.
/// </summary>
internal sealed class TomlTreeBuilder(TomlDocument document, IReadOnlySet<int> brokenLines)
{
    /// <summary>Parts of a dotted key; each makes a table.</summary>
    private const int MaxParts = 16;

    /// <summary>Fills the document's root table.</summary>
    public void Build(DocumentSyntax tree)
    {
        foreach (var pair in tree.KeyValues)
            AddPair(document.Root, pair);
        foreach (var header in tree.Tables)
        {
            // Keys under a header that was refused are still read, so that their own mistakes show; they go to a table that nobody asks for.
            var table = Open(header) ?? new TomlTable(document, TomlTable.Join("", header.Name?.ToString().Trim() ?? ""), PositionOf(header));
            foreach (var pair in header.Items)
                AddPair(table, pair);
        }
    }

    private void AddPair(TomlTable table, KeyValueSyntax pair)
    {
        if (pair.Key is null || pair.Value is null)
            return;
        var parts = PartsOf(pair.Key);
        var at = PositionOf(pair.Key);
        if (parts.Count > MaxParts)
        {
            document.AddProblem(at, table.PathOf(parts[0]), $"is a key of {parts.Count} parts; at most {MaxParts} are read");
            return;
        }
        foreach (var part in parts.Take(parts.Count - 1))
        {
            var inner = table.Get(part);
            if (inner is null)
                table.Set(part, inner = TableValue(table.PathOf(part), at));
            else if (inner.Table is not { IsClosed: false })
            {
                Repeated(table, part, at, inner);
                return;
            }
            table = inner.Table!;
        }
        if (table.Get(parts[^1]) is { } first)
            Repeated(table, parts[^1], at, first);
        else
            table.Set(parts[^1], Value(pair.Value, table.PathOf(parts[^1]), at));
    }

    /// <summary>The table that a header opens, or null after a problem.</summary>
    private TomlTable? Open(TableSyntaxBase header)
    {
        if (header.Name is null)
            return null;
        var parts = PartsOf(header.Name);
        var at = PositionOf(header.Name);
        if (parts.Count > MaxParts)
        {
            document.AddProblem(at, parts[0], $"is a key of {parts.Count} parts; at most {MaxParts} are read");
            return null;
        }
        var table = document.Root;
        foreach (var part in parts.Take(parts.Count - 1))
        {
            var inner = table.Get(part);
            if (inner is null)
                table.Set(part, inner = TableValue(table.PathOf(part), at));
            // A header under [[list]] belongs to the last of the list so far.
            var next = inner.IsTableArray ? inner.Items[^1].Table : inner.Table;
            if (next is not { IsClosed: false })
                return Repeated(table, part, at, inner);
            table = next;
        }
        var name = parts[^1];
        var found = table.Get(name);
        if (header is TableArraySyntax)
        {
            if (found is null)
                table.Set(name, found = new TomlValue(TomlKind.List, at, at) { IsTableArray = true });
            if (!found.IsTableArray)
                return Repeated(table, name, at, found);
            var item = TableValue($"{table.PathOf(name)}[{found.Items.Count}]", at);
            found.Items.Add(item);
            return item.Table;
        }
        if (found is null)
            table.Set(name, found = TableValue(table.PathOf(name), at));
        else if (found.Table is not { IsClosed: false, IsOpened: false })
            return Repeated(table, name, at, found);
        found.Table!.IsOpened = true;
        document.Place(found.Table.Path, at);
        return found.Table;
    }

    private TomlTable? Repeated(TomlTable table, string key, TomlPosition at, TomlValue first)
    {
        document.AddProblem(at, table.PathOf(key), $"is written twice; the first is on line {first.KeyAt.Line}");
        return null;
    }

    private TomlValue Value(ValueSyntax syntax, string path, TomlPosition keyAt)
    {
        var at = PositionOf(syntax);
        document.Place(path, at);
        if (brokenLines.Contains(keyAt.Line))
        {
            document.MarkBroken(path);
            return new TomlValue(TomlKind.Broken, keyAt, at);
        }
        return syntax switch
        {
            StringValueSyntax text => new TomlValue(TomlKind.String, keyAt, at) { Text = text.Value ?? "" },
            IntegerValueSyntax number => new TomlValue(TomlKind.Integer, keyAt, at) { Number = number.Value },
            BooleanValueSyntax truth => new TomlValue(TomlKind.Boolean, keyAt, at) { Truth = truth.Value },
            FloatValueSyntax => new TomlValue(TomlKind.Float, keyAt, at),
            DateTimeValueSyntax => new TomlValue(TomlKind.DateTime, keyAt, at),
            ArraySyntax array => new TomlValue(TomlKind.List, keyAt, at)
            {
                Items = [.. array.Items.Where(i => i.Value is not null).Select((item, i) => Value(item.Value!, $"{path}[{i}]", keyAt))],
            },
            InlineTableSyntax inline => Inline(inline, path, keyAt, at),
            _ => new TomlValue(TomlKind.Broken, keyAt, at),
        };
    }

    private TomlValue Inline(InlineTableSyntax inline, string path, TomlPosition keyAt, TomlPosition at)
    {
        var table = new TomlTable(document, path, at);
        foreach (var item in inline.Items)
        {
            if (item.KeyValue is { } pair)
                AddPair(table, pair);
        }
        table.IsClosed = true;
        return new TomlValue(TomlKind.Table, keyAt, at) { Table = table };
    }

    private TomlValue TableValue(string path, TomlPosition at)
    {
        document.Place(path, at);
        return new TomlValue(TomlKind.Table, at, at) { Table = new TomlTable(document, path, at) };
    }

    private static List<string> PartsOf(KeySyntax key)
    {
        var parts = new List<string> { PartOf(key.Key) };
        foreach (var dotted in key.DotKeys)
            parts.Add(PartOf(dotted.Key));
        return parts;
    }

    private static string PartOf(BareKeyOrStringValueSyntax? part) => part switch
    {
        BareKeySyntax bare => bare.Key?.Text ?? "",
        StringValueSyntax quoted => quoted.Value ?? "",
        _ => "",
    };

    private static TomlPosition PositionOf(SyntaxNodeBase node) => new(node.Span.Start.Line + 1, node.Span.Start.Column + 1);
}
