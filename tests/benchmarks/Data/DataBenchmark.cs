using System.Diagnostics;
using System.Globalization;
using Mcp.EndToEnd.Harness;

namespace Mcp.Benchmarks.Data;

/// <summary>
/// <c>bench.sh --data</c>: archives, migrations, snapshots and restores beside what an administrator would take otherwise, over the same data on the same disk, in one
/// run:
///   1 corpora    made from a seed
///   2 archive    to a file, beside tar | zstd
///   3 fleet      for each corpus: migration, snapshot, restore; then the peers with the same corpus
///   4 flat       a migration of ten times the blobs: does memory grow?
///   5 far        the blobs over a link with 25 ms of round trip, beside a plain TCP connection
/// The network is one of its own, so that what is counted on its loopback is of this run alone.
/// </summary>
/// <param name="size">1: corpora of 1, 1 and 2 GB; smaller ones are in proportion.</param>
internal sealed class DataBenchmark(double size) : IDisposable
{
    private const double Gigabyte = 1e9;
    private const long FarBytesPerSecond = 31_250_000; // 250 Mbit/s: below what two cores compress, encrypt and write, so that the link is what counts

    private static readonly TimeSpan FarRoundTrip = TimeSpan.FromMilliseconds(25);
    private static readonly IReadOnlyDictionary<int, string> Nobody = new Dictionary<int, string>();

    private readonly TemporaryFolder _folder = new();
    private readonly List<DataRow> _rows = [];
    private readonly List<string> _aims = [];
    private readonly Dictionary<string, double> _largest = new(StringComparer.Ordinal);

    /// <summary>Measures, and prints tables in Markdown.</summary>
    public async Task<int> RunAsync()
    {
        var clock = Stopwatch.StartNew();
        var peers = new Peers(Directory.CreateDirectory(_folder.PathOf("peers")).FullName);
        // 1
        Say($"making the data, {size:0.###} of the full size");
        List<Corpus> corpora =
        [
            Corpus.Sources(_folder.PathOf("sources"), (long)(Gigabyte * size)),
            Corpus.Blobs(_folder.PathOf("blobs"), (long)(Gigabyte * size)),
            Corpus.Database(_folder.PathOf("database"), (long)(2 * Gigabyte * size)),
        ];
        // 2
        foreach (var corpus in corpora)
            await ArchiveAsync(corpus, peers);
        // 3
        await using (var server = await SshServer.StartAsync(Directory.CreateDirectory(_folder.PathOf("ssh")).FullName, "127.0.0.1", []))
        await using (var fleet = await MovingFleet.StartAsync(null))
        {
            foreach (var corpus in corpora)
            {
                await MoveAsync(corpus, fleet, server, peers);
                await KeepAsync(corpus, fleet, peers);
                await fleet.TakeAwayAsync(corpus);
                peers.Remove();
            }
            // 4
            await FlatAsync(fleet);
        }
        // 5
        await FarAsync(corpora[1], peers);
        Print(clock.Elapsed);
        return 0;
    }

    public void Dispose() => _folder.Dispose();

    private async Task ArchiveAsync(Corpus corpus, Peers peers)
    {
        const string What = "Archive to a file on the disk";
        await Shell.RunAsync("bash", ["-c", $"cat {corpus.Folder}/*/*/* {corpus.Folder}/*.* 2>/dev/null | wc -c"], limit: TimeSpan.FromMinutes(5));
        var bytes = 0L;
        var scratch = Directory.CreateDirectory(_folder.PathOf("scratch")).FullName;
        var file = Path.Combine(scratch, "archive.tar.zst");
        Add(new(What, "mcp's confined child", corpus, 0, await Cost.OfAsync(Nobody, "lo", () => ConfinedExport.RunAsync(corpus, scratch, file)), new FileInfo(file).Length));
        File.Delete(file);
        Add(new(What, "`tar \\| zstd -T0 -3`", corpus, 0, await Cost.OfAsync(Nobody, "lo", async () => bytes = await peers.ArchiveAsync(corpus)), bytes));
        Aim($"export of {corpus.Name}, speed against `tar \\| zstd -T0 -3`", Ratio(What, corpus, 1), 0.9, atLeast: true);
    }

    private async Task MoveAsync(Corpus corpus, MovingFleet fleet, SshServer server, Peers peers)
    {
        const string What = "Migration between two nodes on loopback";
        await fleet.GiveAsync(corpus);
        var move = await fleet.MigrateAsync(corpus);
        Remember(move.Cost, 1);
        Add(new(What, "`mcp migrate`, the copy, verified", corpus, move.Copy, move.Cost, move.Cost.WireBytes, Invariant($"two hops; with stop, start and health {move.Cost.Seconds:0.0} s; {Peaks(move.Cost)}")));
        var ssh = new Dictionary<int, string> { [server.ProcessId] = "server" };
        var cost = await Cost.OfAsync(ssh, "lo", () => peers.PipeAsync(corpus, server));
        Add(new(What, "`tar \\| zstd \\| ssh \\| zstd -d \\| tar`", corpus, 0, cost, cost.WireBytes));
        Aim($"migration of {corpus.Name}, speed against the unverified pipe", Ratio(What, corpus, 1), 1, atLeast: true);
        peers.Clear();
        cost = await Cost.OfAsync(ssh, "lo", () => peers.RsyncAsync(corpus, server));
        Add(new(What, "`rsync -a` over ssh", corpus, 0, cost, cost.WireBytes));
        peers.Clear();
    }

    private async Task KeepAsync(Corpus corpus, MovingFleet fleet, Peers peers)
    {
        const string Taking = "Snapshot of what lies on a node", Restoring = "Restore of it";
        var (cost, bytes) = await fleet.SnapshotAsync(corpus);
        Remember(cost, 1);
        Add(new(Taking, "`mcp snapshot`, through the master, verified", corpus, 0, cost, bytes, Peaks(cost)));
        Add(new(Taking, "`restic backup`", corpus, 0, await Cost.OfAsync(Nobody, "lo", async () => bytes = await peers.ResticBackupAsync(corpus)), bytes));
        var move = await fleet.RestoreAsync(corpus);
        Remember(move.Cost, 1);
        var share = move.Checking / move.Copy;
        Add(new(Restoring, "`mcp snapshot restore`, checked before and after", corpus, move.Copy, move.Cost, move.Cost.WireBytes, Invariant($"checking and flushing {100 * share:0} %; with stop and start {move.Cost.Seconds:0.0} s; {Peaks(move.Cost)}")));
        Add(new(Restoring, "`restic restore`", corpus, 0, await Cost.OfAsync(Nobody, "lo", peers.ResticRestoreAsync), 0));
        peers.Clear();
        Add(new(Taking, "`borg create`, not encrypted", corpus, 0, await Cost.OfAsync(Nobody, "lo", async () => bytes = await peers.BorgCreateAsync(corpus)), bytes));
        Add(new(Restoring, "`borg extract`", corpus, 0, await Cost.OfAsync(Nobody, "lo", peers.BorgExtractAsync), 0));
        peers.Clear();
        var migration = _rows.First(r => r.Corpus == corpus && r.What.StartsWith("Migration", StringComparison.Ordinal));
        var restic = _rows.Where(r => r.Corpus == corpus && r.Way.Contains("restic", StringComparison.Ordinal)).Sum(r => r.Seconds);
        Aim($"migration of {corpus.Name}, speed against restic backup and restore", restic / migration.Seconds, 1.5, atLeast: true);
        Aim($"checking and flushing in a restore of {corpus.Name}, share", share, 0.15, atLeast: false);
    }

    private async Task FlatAsync(MovingFleet fleet)
    {
        const int Times = 10;
        var large = Corpus.Blobs(_folder.PathOf("large"), (long)(Times * Gigabyte * size), "large");
        await fleet.GiveAsync(large);
        Directory.Delete(large.Folder, recursive: true);
        var move = await fleet.MigrateAsync(large);
        Remember(move.Cost, Times);
        Add(new("Migration of ten times the blobs", "`mcp migrate`", large, move.Copy, move.Cost, move.Cost.WireBytes, Peaks(move.Cost)));
        await fleet.TakeAwayAsync(large);
        foreach (var role in new[] { "master", "ant", "bee" })
            Aim($"peak memory of {role}, MB", _largest.Where(p => p.Key.StartsWith($"{role}×", StringComparison.Ordinal)).Max(p => p.Value) * 1.048576, 100, atLeast: false);
    }

    private async Task FarAsync(Corpus corpus, Peers peers)
    {
        var what = Invariant($"Over a link of {FarBytesPerSecond * 8 / 1e6:0} Mbit/s with {FarRoundTrip.TotalMilliseconds:0} ms of round trip");
        await using var link = await DelayedLink.LayAsync(FarRoundTrip, FarBytesPerSecond);
        var cost = await Cost.OfAsync(Nobody, DelayedLink.Device, () => PlainSender.RunAsync(link, corpus.Bytes));
        Move move;
        await using (var fleet = await MovingFleet.StartAsync(link))
        {
            await fleet.GiveAsync(corpus);
            move = await fleet.MigrateAsync(corpus);
        }
        Add(new(what, "`mcp migrate`, the copy, verified", corpus, move.Copy, move.Cost, move.Cost.WireBytes, Peaks(move.Cost)));
        Add(new(what, "a plain TCP connection", corpus, 0, cost, cost.WireBytes));
        await using var server = await SshServer.StartAsync(Directory.CreateDirectory(_folder.PathOf("farssh")).FullName, DelayedLink.Far, link.Before);
        var ssh = new Dictionary<int, string> { [server.ProcessId] = "server" };
        cost = await Cost.OfAsync(ssh, DelayedLink.Device, () => peers.PipeAsync(corpus, server));
        Add(new(what, "`tar \\| zstd \\| ssh \\| zstd -d \\| tar`", corpus, 0, cost, cost.WireBytes));
        peers.Clear();
        cost = await Cost.OfAsync(ssh, DelayedLink.Device, () => peers.RsyncAsync(corpus, server));
        Add(new(what, "`rsync -a` over ssh", corpus, 0, cost, cost.WireBytes));
        peers.Clear();
        Aim("migration over that link, speed against the plain TCP connection", Ratio(what, corpus, 1), 0.9, atLeast: true);
    }

    // A row whose seconds are not given is one that counts as a whole.
    private void Add(DataRow row)
    {
        row = row.Seconds > 0 ? row : row with { Seconds = row.Cost.Seconds };
        _rows.Add(row);
        Say(Invariant($"{row.What}, {row.Corpus.Name}, {row.Way}: {row.Seconds:0.0} s, {row.Rate:0} MB/s, {row.Cost.CpuSeconds:0.0} s of processor, {row.Bytes / 1e6:0} MB; {Peaks(row.Cost)}"));
    }

    private double Ratio(string what, Corpus corpus, int peer)
    {
        var rows = _rows.Where(r => r.What == what && r.Corpus == corpus).ToList();
        return rows[peer].Seconds / rows[0].Seconds;
    }

    private void Aim(string what, double value, double aim, bool atLeast) => _aims.Add(Invariant(
        $"| {what} | {value:0.00} | {(atLeast ? "≥" : "≤")} {aim:0.##} | {((atLeast ? value >= aim : value <= aim) ? "reached" : "**missed**")} |"));

    private void Remember(Cost cost, int times)
    {
        foreach (var (process, mib) in cost.PeaksMiB)
            _largest[$"{process}×{times}"] = Math.Max(mib, _largest.GetValueOrDefault($"{process}×{times}"));
    }

    private void Print(TimeSpan took)
    {
        foreach (var table in _rows.GroupBy(r => r.What))
        {
            foreach (var line in DataRow.Table(table.Key, [.. table.OrderBy(r => r.Corpus.Name, StringComparer.Ordinal)]))
                Console.WriteLine(line);
        }
        Console.WriteLine("\n| largest peak, MiB | moves at the full size | a migration of ten times the blobs |\n|---|---|---|");
        foreach (var process in _largest.Keys.Select(k => k.Split('×')[0]).Distinct())
            Console.WriteLine(Invariant($"| {process} | {_largest.GetValueOrDefault($"{process}×1"):0} | {_largest.GetValueOrDefault($"{process}×10"):0} |"));
        Console.WriteLine("\n| aim | is | aim | |\n|---|---|---|---|");
        _aims.ForEach(Console.WriteLine);
        Console.WriteLine(Invariant($"\nsize {size:0.###} of 1, 1 and 2 GB; {Environment.ProcessorCount} cores; {took.TotalMinutes:0} min; load at the end {File.ReadAllText("/proc/loadavg").Split(' ')[0]}"));
    }

    private static string Peaks(Cost cost) => string.Join(", ", cost.PeaksMiB.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => Invariant($"{p.Key} {p.Value:0} MiB")));

    private static void Say(string line) => Console.Error.WriteLine(line);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
