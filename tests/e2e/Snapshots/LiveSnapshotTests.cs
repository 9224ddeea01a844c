using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Snapshots;

/// <summary>Snapshots of a service that never stops writing. 50 of them, 500 in the long run (<see cref="LongRun"/>).</summary>
internal sealed class LiveSnapshotTests
{
    private const int Megabytes = 40;
    private const int NaiveTries = 300;

    [Test]
    public async Task Every_live_snapshot_restores_whole_with_every_row_acknowledged_before_it_and_a_naive_tar_does_not()
    {
        await using var fleet = await DevFleet.StartAsync();
        var service = fleet.Unique("ledger");
        var text = (await File.ReadAllTextAsync(Path.Combine(fleet.Folder, "cli/services/hello.toml"))).Replace("\"hello\"", $"\"{service}\"").Replace("/srv/hello", $"/srv/{service}");
        (await fleet.RunAsync("deploy", service, "-f", fleet.Define(service, text + "\n[snapshot]\nmethod = \"full\"\n"))).OrThrow();
        var folder = Path.Combine(fleet.Folder, "srv", service);
        using var scratch = new TemporaryFolder();
        await using var ledger = Ledger.Begin(Path.Combine(folder, "ledger.db"), Megabytes);

        var count = LongRun.Is ? 500 : 20;
        for (var i = 0; i < count; i++)
        {
            var acknowledged = ledger.Acknowledged;
            (await fleet.RunAsync("snapshot", service)).OrThrow();
            var archive = Directory.GetFiles(fleet.Folder, "*.tar.zst", SearchOption.AllDirectories).Where(f => f.Contains($"/{service}/", StringComparison.Ordinal)).MaxBy(f => new FileInfo(f).CreationTimeUtc)!;
            var restored = scratch.PathOf($"restored-{i}");
            Directory.CreateDirectory(restored);
            (await Shell.RunAsync("tar", ["--zstd", "-xf", archive, "-C", restored])).OrThrow();
            await Assert.That(Directory.GetFiles(restored, "ledger.db-*")).IsEmpty();
            await Assert.That(Ledger.Judge(Path.Combine(restored, "ledger.db"), acknowledged)).IsEmpty();
            Directory.Delete(restored, recursive: true);
            File.Delete(archive);
        }
        await Assert.That(Directory.Exists(Path.Combine(fleet.Folder, "srv/.mcp/staging")) ? Directory.GetFileSystemEntries(Path.Combine(fleet.Folder, "srv/.mcp/staging")) : []).IsEmpty();

        // The same writer, copied as the files lie: the judge must see what is lost, or it proves nothing above.
        var verdict = "";
        for (var i = 0; i < NaiveTries && verdict.Length == 0; i++)
        {
            var acknowledged = ledger.Acknowledged;
            var restored = scratch.PathOf($"naive-{i}");
            Directory.CreateDirectory(restored);
            // Files that change while tar reads them are an exit code of 1; that is the point.
            await Shell.RunAsync("tar", ["-C", folder, "-cf", scratch.PathOf("naive.tar"), "."]);
            (await Shell.RunAsync("tar", ["-xf", scratch.PathOf("naive.tar"), "-C", restored])).OrThrow();
            verdict = Ledger.Judge(Path.Combine(restored, "ledger.db"), acknowledged);
            Directory.Delete(restored, recursive: true);
        }
        await Assert.That(verdict).IsNotEmpty();
        var (rows, perSecond, p99, longest) = await ledger.EndAsync();
        Console.WriteLine($"{count} live snapshots of {Megabytes} MB under a writer of {rows} rows ({perSecond:0} commits/s while it wrote; commit p99 {p99:0.0} ms, longest {longest:0} ms); naive tar: {verdict}");
        await Assert.That(p99).IsLessThan(50);
    }
}
