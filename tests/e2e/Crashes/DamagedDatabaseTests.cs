using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>
/// A role's database that is damaged or cannot be written: the role refuses with the file's name and leaves it as it is, the containers run
/// on, and the repair of docs/operations.md, carried out as it is written there, works.
/// </summary>
public class DamagedDatabaseTests
{
    [Test]
    public async Task A_damaged_database_is_refused_and_repaired_as_the_manual_says()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("damage");
        var file = SlowService.Define(fleet, service, round: 1);
        (await fleet.RunAsync("deploy", service, "-f", file)).OrThrow();
        foreach (var (role, home, database) in new[] { (fleet.Agent, fleet.AgentHome, fleet.AgentDatabase), (fleet.Master, fleet.MasterHome, fleet.MasterDatabase) })
        {
            // Stopped and started, so that the copy has the deploy in it: it is made at every start.
            await role.TerminateAsync();
            await StartWithCopyAsync(role, database);
            await fleet.UntilHealthyAsync();
            foreach (var (damage, harm) in Damages(new Random(LongRun.Seed)))
            {
                var because = $"{Path.GetFileName(database)} with {damage} (MCP_SEED={LongRun.Seed})";
                await role.TerminateAsync();
                var whole = await File.ReadAllBytesAsync(database);
                var harmed = harm(whole);
                await File.WriteAllBytesAsync(database, harmed);

                role.Start();
                await Assert.That(await role.EndedAsync()).IsEqualTo(1).Because(because);
                await Assert.That(Last(role)).Contains($"the database {database} is damaged").Because(because);
                await Assert.That(Last(role)).Contains(".good").Because(because);
                await Assert.That(await File.ReadAllBytesAsync(database)).IsEquivalentTo(harmed).Because($"{because}: it was left as it is");
                await Assert.That(await SplitFleet.ContainersAsync(service)).IsEquivalentTo([$"{service} running"]).Because(because);

                await RepairAsync(home, Path.GetFileName(database));
                await StartWithCopyAsync(role, database);
                await fleet.UntilHealthyAsync();
                Directory.Delete($"{database}.damaged", recursive: true);
                await new Invariants(fleet, service).CheckAsync(Settled.Running, "1", [], because);
            }
        }
        var again = await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 2));
        await Assert.That(again.ExitCode).IsEqualTo(0).Because(again.ToString());
        await new Invariants(fleet, service).CheckAsync(Settled.Running, "2", [again], "after all repairs");
    }

    [Test]
    public async Task What_a_lost_log_or_an_older_copy_lacks_is_shown_and_resolved_by_the_named_commands()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("lost");
        (await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 1))).OrThrow();
        await fleet.Agent.TerminateAsync();
        await StartWithCopyAsync(fleet.Agent, fleet.AgentDatabase);
        await fleet.UntilHealthyAsync();
        (await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 2))).OrThrow();

        // The log holds the second deploy; killed, the agent leaves it, and half of it is lost.
        await fleet.Agent.KillAsync();
        var log = $"{fleet.AgentDatabase}-wal";
        await using (var stream = new FileStream(log, FileMode.Open))
            stream.SetLength(Math.Min(stream.Length, 4096 + 100));
        fleet.Agent.Start();
        await fleet.UntilHealthyAsync();
        await Assert.That(await SplitFleet.ContainersAsync(service)).IsEquivalentTo([$"{service} running"]);
        await Wait.UntilAsync("mcp status says that the agent's registry is behind", async () =>
            (await fleet.RunAsync("status")).ToString().Contains($"node behind ({service} on {SplitFleet.Node}", StringComparison.Ordinal),
            TimeSpan.FromMinutes(2), async () => (await fleet.RunAsync("status")).ToString());

        // The command that the finding names; the node's older generation is not what was seen, hence --overwrite.
        var refused = await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 3), "--overwrite");
        await Assert.That(refused.ExitCode).IsEqualTo(1).Because(refused.ToString());
        await Assert.That(refused.Errors).Contains($"podman rm -f {service}").Because(refused.ToString());
        (await TestPodman.RunAsync(["rm", "-f", "-t", "0", service])).OrThrow();
        var deployed = await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 3), "--overwrite");
        await Assert.That(deployed.ExitCode).IsEqualTo(0).Because(deployed.ToString());
        await new Invariants(fleet, service).CheckAsync(Settled.Running, "3", [refused, deployed], "after half a log was lost");
    }

    [Test]
    public async Task A_read_only_or_full_disk_is_named_and_nothing_is_lost()
    {
        await using var fleet = await SplitFleet.StartAsync(agentDisk: "24m", masterDisk: "24m");
        var service = fleet.Unique("disk");
        var invariants = new Invariants(fleet, service);
        (await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 1))).OrThrow();

        // The agent's full disk has a test of its own (StarvedAgentTests); here it is the master's, which still answers what is read.
        var ballast = Path.Combine(fleet.MasterHome, "ballast");
        await Shell.RunAsync("dd", ["if=/dev/zero", $"of={ballast}", "bs=4096"]);
        var file = SlowService.Define(fleet, service, round: 2);
        var refused = await fleet.RunAsync("deploy", service, "-f", file);
        await Assert.That(refused.ExitCode).IsEqualTo(1).Because(refused.ToString());
        await Assert.That(refused.Errors).Contains("disk").Because(refused.ToString());
        await Assert.That(refused.Errors).Contains("df -h").Because(refused.ToString());
        var status = await fleet.RunAsync("status");
        await Assert.That(status.Output).Contains(service).Because(status.ToString());
        File.Delete(ballast);
        var again = await fleet.RunAsync("deploy", service, "-f", file);
        await Assert.That(again.ExitCode).IsEqualTo(0).Because($"{again}\nwhile full: {refused}\n{fleet.Master.Printed}");
        await invariants.CheckAsync(Settled.Running, "2", [refused, again], "the master's disk was full");

        foreach (var (role, home, database) in new[] { (fleet.Agent, fleet.AgentHome, fleet.AgentDatabase), (fleet.Master, fleet.MasterHome, fleet.MasterDatabase) })
        {
            await role.TerminateAsync();
            (await Shell.RunAsync("mount", ["-o", "remount,ro", home])).OrThrow();
            role.Start();
            await Assert.That(await role.EndedAsync()).IsEqualTo(1).Because(database);
            await Assert.That(Last(role)).Contains("cannot be").And.Contains(home).And.Contains("next:").Because(database);
            await Assert.That(await SplitFleet.ContainersAsync(service)).IsEquivalentTo([$"{service} running"]).Because(database);
            (await Shell.RunAsync("mount", ["-o", "remount,rw", home])).OrThrow();
            role.Start();
            await fleet.UntilHealthyAsync();
            await invariants.CheckAsync(Settled.Running, "2", [], $"{database} was read-only");
        }
    }

    // What the disk may do to a file. Pages are of 4096 bytes; the second one is where the tables begin.
    private static IEnumerable<(string Damage, Func<byte[], byte[]> Harm)> Damages(Random random)
    {
        yield return ("a damaged header", whole => [.. "not a database!!"u8, .. whole.AsSpan(16)]);
        yield return ("half of it cut off", whole => whole[..(whole.Length / 2)]);
        yield return ("a damaged page", whole =>
        {
            var harmed = (byte[])whole.Clone();
            var page = random.Next(1, whole.Length / 4096);
            random.NextBytes(harmed.AsSpan(page * 4096, 4096));
            return harmed;
        }
        );
    }

    private static async Task StartWithCopyAsync(RoleProcess role, string database)
    {
        var copy = $"{database}.good";
        var before = File.Exists(copy) ? File.GetLastWriteTimeUtc(copy) : DateTime.MinValue;
        role.Start();
        await Wait.UntilAsync($"{copy} is made", () => Task.FromResult(File.Exists(copy) && File.GetLastWriteTimeUtc(copy) > before), otherwise: () => Task.FromResult(role.Printed));
    }

    // The commands of the manual, with this fleet's folder for the one under /srv and without systemctl: here the roles are no units.
    private static async Task RepairAsync(string home, string database)
    {
        var manual = await File.ReadAllTextAsync(Repository.PathOf("docs/operations.md"));
        var blocks = manual.Split("```sh\n").Skip(1).Select(block => block[..block.IndexOf("```", StringComparison.Ordinal)]);
        var commands = blocks.Single(block => block.Contains($"cp -p {database}.good {database}", StringComparison.Ordinal))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => !line.StartsWith("systemctl", StringComparison.Ordinal))
            .Select(line => line.StartsWith("cd ", StringComparison.Ordinal) ? $"cd {home}" : line);
        (await Shell.RunAsync("sh", ["-e", "-c", string.Join('\n', commands)])).OrThrow();
    }

    private static string Last(RoleProcess role) => role.Printed.TrimEnd() is var text && text.LastIndexOf("error:", StringComparison.Ordinal) is var at and >= 0 ? text[at..] : text;
}
