using System.Text.Json;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>A service with a database is backed up, broken and brought back, by the commands that an operator types.</summary>
public class SnapshotTests
{
    [Test]
    public async Task A_broken_service_comes_back_from_its_snapshot_and_a_damaged_snapshot_is_refused()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var (service, data) = await DeployAsync(fleet);
        await SqlAsync(data, "CREATE TABLE t(n INTEGER); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000) INSERT INTO t SELECT n FROM c");

        // Taken while it runs, listed, read to the last byte.
        var made = (await fleet.RunAsync("snapshot", service)).OrThrow();
        await Assert.That(made.Output).Contains($"of {service}").And.Contains("database notes.db").And.Contains("taken on ant");
        (await fleet.RunAsync("snapshot", "create", service)).OrThrow();
        var listed = await ListAsync(fleet, service);
        await Assert.That(listed.Count).IsEqualTo(2);
        await Assert.That(listed.All(s => !s.GetProperty("partial").GetBoolean() && s.GetProperty("manual").GetBoolean())).IsTrue();
        var verified = (await fleet.RunAsync("snapshot", "verify", service)).OrThrow();
        await Assert.That(verified.Output).StartsWith("good ").And.Contains("database notes.db passes integrity_check");
        await Assert.That((await fleet.RunAsync("status")).Output).Contains("PROVEN RESTORE");

        // The data is broken: rows are gone, and the service does not start on it.
        await SqlAsync(data, "DELETE FROM t WHERE n > 3");
        await File.WriteAllTextAsync(Path.Combine(data, "broken"), "");
        await Assert.That((await fleet.RunAsync("restart", service)).ExitCode).IsNotEqualTo(0);
        var unconfirmed = await fleet.RunAsync("snapshot", "restore", service);
        await Assert.That((unconfirmed.ExitCode, unconfirmed.Errors.Contains("--yes", StringComparison.Ordinal))).IsEqualTo((1, true));
        var restored = (await fleet.RunAsync("snapshot", "restore", service, "--yes")).OrThrow();
        await Assert.That(restored.Output).Contains("the data of before lies in");
        await Assert.That(await SqlAsync(data, "SELECT count(*) FROM t")).IsEqualTo("1000");
        await Assert.That(File.Exists(Path.Combine(data, "broken"))).IsFalse();
        await Assert.That(string.Join('\n', await SplitFleet.ContainersAsync(service))).IsEqualTo($"{service} running");

        // The same data beside the service: unpacked here, and by GNU tar from the file.
        var folder = fleet.PathOf("unpacked");
        (await fleet.RunAsync("snapshot", "restore", service, "--to", folder)).OrThrow();
        await Assert.That(await SqlAsync(folder, "SELECT count(*) FROM t")).IsEqualTo("1000");
        await Assert.That((await fleet.RunAsync("snapshot", "restore", service, "--to", folder)).ExitCode).IsEqualTo(1);
        var downloads = Directory.CreateDirectory(fleet.PathOf("downloads")).FullName;
        var downloaded = (await fleet.RunAsync("snapshot", "download", service, downloads)).OrThrow();
        await Assert.That(downloaded.Output).Contains("tar --zstd -xpf ");
        var file = Directory.GetFiles(downloads).Single();
        var byTar = Directory.CreateDirectory(fleet.PathOf("by-tar")).FullName;
        (await Shell.RunAsync("tar", ["--zstd", "-xpf", $"./{Path.GetRelativePath(Environment.CurrentDirectory, file)}", "-C", byTar])).OrThrow();
        await Assert.That(await SqlAsync(byTar, "SELECT count(*) FROM t")).IsEqualTo("1000");

        // A snapshot that rots is found by verify and refused by restore, before the service is touched.
        var newest = (await ListAsync(fleet, service))[0];
        var (id, name) = (newest.GetProperty("id").GetUInt64(), newest.GetProperty("file").GetString()!);
        FlipBit(Path.Combine(fleet.MasterHome, "snapshots", service, name));
        var bad = await fleet.RunAsync("snapshot", "verify", service, "--id", $"{id}");
        await Assert.That((bad.ExitCode, bad.Output[..4])).IsEqualTo((1, "BAD "));
        var started = await StartedAsync(service);
        var refused = await fleet.RunAsync("snapshot", "restore", service, "--yes");
        await Assert.That((refused.ExitCode, refused.Errors.Contains("is damaged", StringComparison.Ordinal), refused.Errors.Contains($"--id {id - 1}", StringComparison.Ordinal))).IsEqualTo((1, true, true));
        await Assert.That((await fleet.RunAsync("snapshot", "download", service, downloads, "--id", $"{id}")).ExitCode).IsEqualTo(1);
        await Assert.That(await StartedAsync(service)).IsEqualTo(started);
        (await fleet.RunAsync("snapshot", "restore", service, "--yes", "--id", $"{id - 1}")).OrThrow();
        await Assert.That(await SqlAsync(data, "SELECT count(*) FROM t")).IsEqualTo("1000");

        // Put back when what it holds does not run.
        await File.WriteAllTextAsync(Path.Combine(data, "broken"), "");
        (await fleet.RunAsync("snapshot", "create", service)).OrThrow();
        File.Delete(Path.Combine(data, "broken"));
        await SqlAsync(data, "INSERT INTO t VALUES (1001)");
        var back = await fleet.RunAsync("snapshot", "restore", service, "--yes");
        await Assert.That((back.ExitCode, back.Errors.Contains("it was put back", StringComparison.Ordinal))).IsEqualTo((1, true)).Because($"{back}");
        await Assert.That(await SqlAsync(data, "SELECT count(*) FROM t")).IsEqualTo("1001");
        await Assert.That(string.Join('\n', await SplitFleet.ContainersAsync(service))).IsEqualTo($"{service} running");

        // What no archive may hold is left out and named; such a snapshot is laid over what is there, on demand.
        File.Delete(Path.Combine(data, "broken"));
        (await Shell.RunAsync("mkfifo", [Path.Combine(data, "pipe")])).OrThrow();
        File.CreateSymbolicLink(Path.Combine(data, "outside"), "/etc/hostname");
        await Assert.That((await fleet.RunAsync("snapshot", service)).Errors).Contains("not in it: pipe is a FIFO").And.Contains("not in it: outside");
        await SqlAsync(data, "DELETE FROM t");
        await File.WriteAllTextAsync(Path.Combine(data, "since"), "kept");
        var newer = (await ListAsync(fleet, service))[0].GetProperty("id").GetUInt64();
        await Assert.That((await fleet.RunAsync("snapshot", "restore", service, "--yes", "--id", $"{newer}")).Errors).Contains("--accept-partial");
        (await fleet.RunAsync("snapshot", "restore", service, "--yes", "--id", $"{newer}", "--accept-partial")).OrThrow();
        await Assert.That(await SqlAsync(data, "SELECT count(*) FROM t")).IsEqualTo("1001");
        await Assert.That(await File.ReadAllTextAsync(Path.Combine(data, "since"))).IsEqualTo("kept");
        await Assert.That((await fleet.RunAsync("status")).Errors).Contains("files in no snapshot");
    }

    [Test]
    public async Task A_master_that_is_killed_in_the_middle_of_a_restore_carries_it_on()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var (service, data) = await DeployAsync(fleet);
        await SqlAsync(data, "CREATE TABLE t(n INTEGER); INSERT INTO t VALUES (1), (2)");
        var blob = new byte[64 << 20];
        for (var i = 0; i < 4; i++)
        {
            new Random(i).NextBytes(blob);
            await File.WriteAllBytesAsync(Path.Combine(data, $"blob{i}"), blob);
        }
        (await fleet.RunAsync("snapshot", service)).OrThrow();
        await SqlAsync(data, "DELETE FROM t");

        var restore = fleet.RunAsync("snapshot", "restore", service, "--yes");
        await Wait.UntilAsync("the service is stopped", async () => !string.Join('\n', await SplitFleet.ContainersAsync(service)).Contains("running", StringComparison.Ordinal));
        await fleet.Master.KillAsync();
        fleet.Master.Start();
        // Whoever waited is told how it ended, since the same operation is asked for again.
        var ended = await restore;
        await Assert.That(ended.ExitCode).IsEqualTo(0).Because($"{ended}\n{fleet.Master.Printed}\n{fleet.Agent.Printed}");
        await Assert.That(await SqlAsync(data, "SELECT count(*) FROM t")).IsEqualTo("2");
        await Assert.That(string.Join('\n', await SplitFleet.ContainersAsync(service))).IsEqualTo($"{service} running");
        await Assert.That((await fleet.RunAsync("events", "--json")).Output).Contains("restore-resumed");
    }

    private static async Task<(string Service, string Data)> DeployAsync(SplitFleet fleet)
    {
        var service = fleet.Unique("notes");
        var definition = fleet.Define(service, $"""
            name = "{service}"
            [snapshot]
            method = "full"
            [[components]]
            name = "{service}"
            image = "{TestPodman.BusyboxImage}"
            volumes = ["/srv/{service}:/data"]
            cmd = ["sh", "-c", "test ! -e /data/broken || exit 1; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
            """);
        (await fleet.RunAsync("deploy", service, "-f", definition)).OrThrow();
        return (service, Path.Combine(fleet.DataRoot, service));
    }

    private static async Task<IReadOnlyList<JsonElement>> ListAsync(SplitFleet fleet, string service)
    {
        using var document = JsonDocument.Parse((await fleet.RunAsync("snapshot", "list", service, "--json")).OrThrow().Output);
        return [.. document.RootElement.GetProperty("snapshots").EnumerateArray().Select(s => s.Clone())];
    }

    private static async Task<string> SqlAsync(string folder, string sql) =>
        (await Shell.RunAsync("sqlite3", [Path.Combine(folder, "notes.db"), ".timeout 5000", sql])).OrThrow().Output.Trim();

    private static async Task<string> StartedAsync(string service) =>
        (await TestPodman.RunAsync(["inspect", "--format", "{{.State.StartedAt}}", service])).OrThrow().Output.Trim();

    private static void FlipBit(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
        stream.Position = stream.Length / 2;
        var old = stream.ReadByte();
        stream.Position--;
        stream.WriteByte((byte)(old ^ 1));
    }
}
