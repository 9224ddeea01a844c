using Mcp.EndToEnd.Crashes;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>
/// The master's machine is lost and another one, at another address, becomes the master from its backup: registry, authority and placements are
/// back, the node finds it by itself, nothing is restarted, and the old master ends when it comes back.
/// </summary>
public class MasterLostTests
{
    private const string Durable = "fsync,fdatasync,syncfs,rename,renameat,renameat2";

    [Test]
    public async Task A_fleet_goes_on_under_a_master_that_was_restored_elsewhere()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("kept");
        (await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 1))).OrThrow();
        var container = await ContainerIdAsync(service);
        var backup = fleet.PathOf("fleet.tar.zst");
        var written = (await fleet.RunAsync("master", "backup", backup, "--config", Path.Combine(fleet.MasterHome, "mcp-master.toml"))).OrThrow();
        await Assert.That(written.Errors).Contains("holds the keys");
        await Assert.That(File.GetUnixFileMode(backup)).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var twice = await fleet.RunAsync("master", "backup", backup, "--config", Path.Combine(fleet.MasterHome, "mcp-master.toml"));
        await Assert.That(twice.ExitCode).IsEqualTo(1);
        await Assert.That(twice.Errors).Contains("--overwrite");

        // What the backup does not know: a second version, and then the machine is gone.
        (await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 2))).OrThrow();
        container = await ContainerIdAsync(service);
        await fleet.Master.KillAsync();

        await RefusedAsync(fleet, backup);
        var home = fleet.PathOf("new/master");
        var address = SplitFleet.FreeAddress();
        await KilledAnywhereAsync(fleet, backup, address);
        var restored = (await fleet.RunAsync("master", "restore", backup, "--address", address, "--home", home)).OrThrow();
        await Assert.That(restored.Errors).Contains("in term 2, with 1 services").And.Contains(SplitFleet.Node).And.Contains(address);
        var again = await fleet.RunAsync("master", "restore", backup, "--address", address, "--home", home);
        await Assert.That(again.ExitCode).IsEqualTo(1);
        await Assert.That(again.Errors).Contains("there is a fleet in");

        var file = fleet.PathOf("cli/mcp.toml");
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file)).Replace(fleet.MasterAddress, address, StringComparison.Ordinal));
        await using var master = fleet.AnotherMaster(Path.Combine(home, "mcp-master.toml"));
        master.Start();
        await Wait.UntilAsync("the node obeys the new master", async () => (await fleet.RunAsync("node", "list")) is { ExitCode: 0 } nodes && nodes.Output.Contains("healthy", StringComparison.Ordinal)
            && !nodes.Output.Contains("unhealthy", StringComparison.Ordinal), TimeSpan.FromMinutes(2), () => Task.FromResult(master.Printed + fleet.Agent.Printed));
        await Assert.That(await ContainerIdAsync(service)).IsEqualTo(container).Because("nothing is restarted by a new master");
        // Agents go with the master that they obey, also after their own restart.
        await fleet.Agent.TerminateAsync();
        fleet.Agent.Start();
        await fleet.UntilHealthyAsync();
        await Wait.UntilAsync("changes are allowed again", async () => (await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 3), "--overwrite")).ExitCode == 0,
            TimeSpan.FromMinutes(1), async () => (await fleet.RunAsync("status")).ToString());
        await Assert.That((await TestPodman.RunAsync(["exec", service, "sh", "-c", "echo $ROUND"])).Output.Trim()).IsEqualTo("3");

        fleet.Master.Start();
        await Assert.That(await fleet.Master.EndedAsync()).IsEqualTo(4).Because(fleet.Master.Printed);
        await Assert.That((await fleet.RunAsync("status")).ExitCode).IsEqualTo(0);
    }

    // A damaged or cut file leaves nothing that a master would start from.
    private static async Task RefusedAsync(SplitFleet fleet, string backup)
    {
        var whole = await File.ReadAllBytesAsync(backup);
        var flipped = whole.ToArray();
        flipped[whole.Length / 2] ^= 4;
        foreach (var (name, bytes) in new[] { ("cut", whole[..(whole.Length / 2)]), ("flipped", flipped), ("text", "not an archive"u8.ToArray()) })
        {
            var file = fleet.PathOf($"{name}.tar.zst");
            await File.WriteAllBytesAsync(file, bytes);
            var refused = await fleet.RunAsync("master", "restore", file, "--home", fleet.PathOf($"refused/{name}"));
            await Assert.That(refused.ExitCode).IsEqualTo(1).Because(refused.ToString());
            await Assert.That(refused.Errors).Contains("is not a whole backup").And.Contains("next:").Because(refused.ToString());
            await Assert.That(Directory.GetFileSystemEntries(fleet.PathOf($"refused/{name}"))).IsEmpty();
        }
    }

    // Killed at any of its durable calls, it is typed again.
    private static async Task KilledAnywhereAsync(SplitFleet fleet, string backup, string address)
    {
        var killed = 0;
        for (var k = 1; k < 100; k++)
        {
            var home = fleet.PathOf($"killed/{k}");
            string[] restore = ["master", "restore", backup, "--address", address, "--home", home];
            var first = await Shell.RunAsync("strace", ["-f", "-qq", "-o", "/dev/null", "-e", $"trace={Durable}", "-e", $"inject={Durable}:signal=KILL:when={k}", PublishedBinary.Path, .. restore],
                new Dictionary<string, string?>());
            if (first.ExitCode == 0)
                break;
            killed++;
            var again = await fleet.RunAsync(restore);
            var whole = again.Errors.Contains("there is a fleet", StringComparison.Ordinal);
            await Assert.That(again.ExitCode).IsEqualTo(whole ? 1 : 0).Because($"killed at durable call {k}, then: {again}");
            await Assert.That(await SqliteFile.ReadAsync(Path.Combine(home, "master.db"), "SELECT term FROM fleet; PRAGMA integrity_check")).IsEqualTo("2\nok").Because($"killed at durable call {k}");
            Directory.Delete(home, recursive: true);
        }
        await Assert.That(killed).IsGreaterThan(5);
    }

    private static async Task<string> ContainerIdAsync(string service) => (await TestPodman.RunAsync(["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", service])).OrThrow().Output.Trim();
}
