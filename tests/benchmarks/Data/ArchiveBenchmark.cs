using System.Globalization;
using Mcp.EndToEnd.Harness;

namespace Mcp.Benchmarks.Data;

/// <summary>
/// <c>bench.sh --archive</c>: the confined children alone, without a fleet, beside tar and zstd, in turn: a folder into a file on the disk, and the file into a folder.
/// What the whole of <see cref="DataBenchmark"/> measures once is measured here several times, in a few minutes, to see what a change of the code does.
/// </summary>
/// <param name="size">1: corpora of 1, 1 and 2 GB; smaller ones are in proportion.</param>
/// <param name="pairs">How often.</param>
internal sealed class ArchiveBenchmark(double size, int pairs) : IDisposable
{
    private static readonly IReadOnlyDictionary<int, string> Nobody = new Dictionary<int, string>();

    private readonly TemporaryFolder _folder = new();

    /// <summary>Measures, and prints a table in Markdown.</summary>
    public async Task<int> RunAsync()
    {
        var peers = new Peers(Directory.CreateDirectory(_folder.PathOf("peers")).FullName);
        List<Corpus> corpora =
        [
            Corpus.Sources(_folder.PathOf("sources"), (long)(1e9 * size)),
            Corpus.Blobs(_folder.PathOf("blobs"), (long)(1e9 * size)),
            Corpus.Database(_folder.PathOf("database"), (long)(2e9 * size)),
        ];
        Console.WriteLine("| data | what | wall | processor | peak memory | peer's wall | processor | our speed / its |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|");
        foreach (var corpus in corpora)
            await CompareAsync(corpus, peers);
        return 0;
    }

    public void Dispose() => _folder.Dispose();

    private async Task CompareAsync(Corpus corpus, Peers peers)
    {
        var file = _folder.PathOf("archive.tar.zst");
        var (packs, unpacks) = (new List<(Cost Ours, Cost Peer)>(), new List<(Cost Ours, Cost Peer)>());
        for (var pair = 0; pair < pairs; pair++)
        {
            var trailer = new V1.StreamTrailer();
            packs.Add((
                await Cost.OfAsync(Nobody, "lo", async () => trailer = await ConfinedExport.RunAsync(corpus, _folder.PathOf("scratch"), file)),
                await Cost.OfAsync(Nobody, "lo", () => peers.ArchiveAsync(corpus))));
            var target = Directory.CreateDirectory(Path.Combine(_folder.PathOf("peers"), "ours")).FullName;
            unpacks.Add((
                await Cost.OfAsync(Nobody, "lo", () => ConfinedImport.RunAsync(file, trailer, target)),
                await Cost.OfAsync(Nobody, "lo", () => peers.ExtractAsync(file))));
            File.Delete(file);
            peers.Clear();
        }
        peers.Remove();
        Print(corpus, "into a file, beside `tar \\| zstd -T0 -3`", packs);
        Print(corpus, "out of it, beside `zstd -d \\| tar -x`", unpacks);
    }

    private static void Print(Corpus corpus, string what, IReadOnlyList<(Cost Ours, Cost Peer)> pairs) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"| {corpus.Words} | {what} | {Of(pairs, p => p.Ours.Seconds)} s | {Of(pairs, p => p.Ours.CpuSeconds)} s | {Of(pairs, p => p.Ours.AllMiB)} MiB | {Of(pairs, p => p.Peer.Seconds)} s | {Of(pairs, p => p.Peer.CpuSeconds)} s | {Of(pairs, p => p.Peer.Seconds / p.Ours.Seconds, "0.00")} |"));

    private static string Of(IReadOnlyList<(Cost, Cost)> pairs, Func<(Cost Ours, Cost Peer), double> figure, string format = "0.0")
    {
        var values = pairs.Select(figure).Order().ToArray();
        string Show(double value) => value.ToString(format, CultureInfo.InvariantCulture);
        return $"{Show(values[values.Length / 2])} ({Show(values[0])}–{Show(values[^1])})";
    }
}
