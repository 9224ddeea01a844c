using System.Globalization;

namespace Mcp.Benchmarks.Data;

/// <summary>One way to do one thing with one corpus.</summary>
/// <param name="What">The thing: rows of the same one are compared.</param>
/// <param name="Way">How; the first of a thing is ours.</param>
/// <param name="Corpus">With which data.</param>
/// <param name="Seconds">What counts: of a migration only the copy.</param>
/// <param name="Cost">All of it.</param>
/// <param name="Bytes">On the wire, or stored.</param>
/// <param name="Note">What else is to be said.</param>
internal sealed record DataRow(string What, string Way, Corpus Corpus, double Seconds, Cost Cost, long Bytes, string Note = "")
{
    /// <summary>MB of data a second.</summary>
    public double Rate => Corpus.Bytes / Seconds / 1e6;

    /// <summary>A table of everything that was done with one thing, corpus by corpus.</summary>
    public static IEnumerable<string> Table(string what, IReadOnlyList<DataRow> rows)
    {
        yield return "";
        yield return $"**{what}**";
        yield return "";
        yield return "| data | way | wall | rate | processor | peak memory | bytes | our speed / its | |";
        yield return "|---|---|---|---|---|---|---|---|---|";
        foreach (var row in rows)
        {
            var ours = rows.First(r => r.Corpus == row.Corpus);
            yield return string.Create(CultureInfo.InvariantCulture,
                $"| {row.Corpus.Words} | {row.Way} | {row.Seconds:0.0} s | {row.Rate:0} MB/s | {row.Cost.CpuSeconds:0.0} s | {row.Cost.AllMiB:0} MiB | {row.Bytes / 1e6:0} MB | {(row == ours ? "" : $"{row.Seconds / ours.Seconds:0.00}")} | {row.Note} |");
        }
    }
}
