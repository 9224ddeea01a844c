using System.Globalization;
using System.Security.Cryptography;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>Adopt, push and pull, purge, and everything that must still work when the master is gone; one fleet for all of it.</summary>
internal sealed class UpkeepTests
{
    [Test]
    public async Task Running_containers_are_adopted_without_a_restart_and_the_fleet_is_kept_with_its_master_dead()
    {
        await using var fleet = await SplitFleet.StartAsync();
        (await fleet.RunAsync("status")).OrThrow();
        await AdoptionAsync(fleet);
        await FilesAsync(fleet);
        await WithoutMasterAsync(fleet);
    }

    private static async Task AdoptionAsync(SplitFleet fleet)
    {
        var service = fleet.Unique("old");
        var page = Path.Combine(fleet.DataRoot, service);
        Directory.CreateDirectory(page);
        await File.WriteAllTextAsync(Path.Combine(page, "page"), "kept");
        // As somebody started it by hand, long before there was a fleet.
        (await TestPodman.RunAsync(["run", "-d", "--name", service, "--restart", "always", "-e", "LOG=info", "-v", $"{page}:/data", TestPodman.BusyboxImage, "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"])).OrThrow();
        try
        {
            var before = await ProcessAsync(service);

            var stranger = await fleet.RunAsync("adopt", service, "-n", SplitFleet.Node, "--containers", "another");
            await Assert.That(stranger.ExitCode).IsEqualTo(1);
            await Assert.That(stranger.Errors).Contains("podman rename");

            var adopted = (await fleet.RunAsync("adopt", service, "-n", SplitFleet.Node)).OrThrow();
            var file = fleet.Define(service, adopted.Output[adopted.Output.IndexOf("name ", StringComparison.Ordinal)..]);
            await Assert.That(await ProcessAsync(service)).IsEqualTo(before);
            await Assert.That(await File.ReadAllTextAsync(file)).Contains("LOG=info");
            await Assert.That((await fleet.RunAsync("adopt", service, "-n", SplitFleet.Node)).OrThrow().Output).Contains("adopted already");
            await Assert.That((await fleet.RunAsync("data", "list", service, "--json")).OrThrow().Output).Contains("\"epoch\": 1");
            await Assert.That((await fleet.RunAsync("status", "--check")).ToString()).DoesNotContain("orphan");
            await Assert.That((await fleet.RunAsync("ps", service, "--json")).OrThrow().Output).Contains("\"drift\": false");

            // The identical definition changes nothing; nor does the agent's end.
            (await fleet.RunAsync("deploy", service, "-f", file)).OrThrow();
            await fleet.Agent.KillAsync();
            fleet.Agent.Start();
            await fleet.UntilHealthyAsync();
            await Assert.That(await ProcessAsync(service)).IsEqualTo(before);

            // One that cannot start is put back to the adopted container; a good one replaces it; then it is like any other.
            var text = await File.ReadAllTextAsync(file);
            var bad = await fleet.RunAsync("deploy", service, "-f", fleet.Define(service, text.Replace("while :; do sleep 0.1; done", "exit 3", StringComparison.Ordinal)));
            await Assert.That(bad.ExitCode).IsEqualTo(1);
            await Assert.That(string.Join('\n', (await TestPodman.RunAsync(["ps", "--filter", $"name={service}", "--format", "{{.Names}}"])).OrThrow().Output.Trim())).IsEqualTo(string.Join('\n', service));
            (await fleet.RunAsync("deploy", service, "-f", fleet.Define(service, text.Replace("LOG=info", "LOG=debug", StringComparison.Ordinal)))).OrThrow();
            await Assert.That(string.Join('\n', await SplitFleet.ContainersAsync(service))).IsEqualTo($"{service} running");
            await Assert.That((await TestPodman.RunAsync(["exec", service, "sh", "-c", "cat /data/page; echo $LOG"])).OrThrow().Output).Contains("keptdebug");

            // What carries labels of a fleet is that fleet's, or somebody's lie.
            var claimed = fleet.Unique("claimed");
            (await TestPodman.RunAsync(["run", "-d", "--name", claimed, "--label", "mcp.service=other", "--label", "mcp.node=elsewhere", TestPodman.BusyboxImage, "sleep", "60"])).OrThrow();
            var refused = await fleet.RunAsync("adopt", claimed, "-n", SplitFleet.Node);
            await Assert.That(refused.Errors).Contains("belongs to other on elsewhere");
            (await TestPodman.RunAsync(["kill", claimed])).OrThrow();
            (await TestPodman.RunAsync(["rm", "-f", claimed])).OrThrow();

            (await fleet.RunAsync("undeploy", service, "--yes")).OrThrow();
            await Assert.That((await fleet.RunAsync("purge")).OrThrow().Errors).Contains("nothing to purge");
            await Assert.That(await File.ReadAllTextAsync(Path.Combine(page, "page"))).IsEqualTo("kept");
        }
        finally
        {
            await TestPodman.RunAsync(["rm", "-f", "-t", "0", service]);
        }
    }

    private static async Task FilesAsync(SplitFleet fleet)
    {
        var service = fleet.Unique("files");
        var local = fleet.Define("local", "");
        await File.WriteAllBytesAsync(local, RandomNumberGenerator.GetBytes(5_000_000));
        var unknown = await fleet.RunAsync("push", service, local, "blob");
        await Assert.That(unknown.Errors).Contains("--new-service");
        (await fleet.RunAsync("push", "--new-service", "-n", SplitFleet.Node, "--secret", service, local, "blob")).OrThrow();
        await Assert.That(File.GetUnixFileMode(Path.Combine(fleet.DataRoot, service, "blob"))).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var back = fleet.Define("back", "");
        var there = await fleet.RunAsync("pull", service, "blob", back);
        await Assert.That(there.Errors).Contains("--overwrite");
        (await fleet.RunAsync("pull", "--overwrite", service, $"/srv/{service}/blob", back)).OrThrow();
        var (sent, returned) = (await File.ReadAllBytesAsync(local), await File.ReadAllBytesAsync(back));
        await Assert.That(returned.AsSpan().SequenceEqual(sent)).IsTrue();
        await Assert.That((await fleet.RunAsync("pull", service, "../mcp/mcp.db")).ExitCode).IsEqualTo(1);

        // An agent that is killed in the middle leaves the old file, and nothing beside it once it is back.
        await File.WriteAllBytesAsync(local, new byte[200_000_000]);
        using var push = fleet.StartCommand("push", service, local, "blob");
        await Wait.UntilAsync("the push has begun", () => Task.FromResult(Directory.GetFiles(Path.Combine(fleet.DataRoot, service), ".mcp-push-*").Length > 0));
        await fleet.Agent.KillAsync();
        await push.WaitForExitAsync();
        await Assert.That(new FileInfo(Path.Combine(fleet.DataRoot, service, "blob")).Length).IsEqualTo(5_000_000);
        fleet.Agent.Start();
        await Wait.UntilAsync("nothing is left of it", () => Task.FromResult(Directory.GetFiles(Path.Combine(fleet.DataRoot, service), ".mcp-push-*").Length == 0));
        await fleet.UntilHealthyAsync();
    }

    private static async Task WithoutMasterAsync(SplitFleet fleet)
    {
        var service = fleet.Unique("lone");
        var file = Definition(fleet, service, "one");
        await fleet.Master.KillAsync();

        // What the master last said of its nodes is remembered, so no configuration is needed on the day when it is gone.
        foreach (var command in new[] { "list", "ps", "status", "events" })
            (await fleet.RunAsync(command, "--direct")).OrThrow();
        (await fleet.RunAsync("data", "list", "--direct")).OrThrow();
        var careful = await fleet.RunAsync("deploy", service, "-f", file, "--direct", "-n", SplitFleet.Node);
        await Assert.That(careful.Errors).Contains("--fresh");
        (await fleet.RunAsync("deploy", service, "-f", file, "--direct", "-n", SplitFleet.Node, "--fresh")).OrThrow();
        (await fleet.RunAsync("deploy", service, "-f", Definition(fleet, service, "two"), "--direct", "-n", SplitFleet.Node)).OrThrow();
        (await fleet.RunAsync("stop", service, "--direct", "-n", SplitFleet.Node)).OrThrow();
        (await fleet.RunAsync("start", service, "--direct", "-n", SplitFleet.Node)).OrThrow();
        (await fleet.RunAsync("restart", service, "--direct", "-n", SplitFleet.Node)).OrThrow();
        await Assert.That((await fleet.RunAsync("history", service, "--direct", "--json")).OrThrow().Output).Contains("\"current\": 2");
        await Assert.That((await fleet.RunAsync("logs", service, "--direct")).OrThrow().Output).Contains("two");
        await Assert.That((await fleet.RunAsync("service", "show", service, "--direct")).OrThrow().Output).Contains("hidden");
        var exported = (await fleet.RunAsync("service", "export", service, "--direct")).OrThrow().Output;
        await Assert.That(exported).Contains("ROUND=two");
        (await fleet.RunAsync("push", service, file, "pushed", "--direct", "-n", SplitFleet.Node)).OrThrow();
        (await fleet.RunAsync("pull", service, "pushed", fleet.Define("pulled", ""), "--overwrite", "--direct", "-n", SplitFleet.Node)).OrThrow();
        var running = await fleet.RunAsync("purge", service, "--direct", "-n", SplitFleet.Node);
        await Assert.That(running.Errors).Contains("runs on");
        var before = await ProcessAsync(service);

        // Without --direct the error says how to go on.
        var asked = await fleet.RunAsync("ps");
        await Assert.That(asked.ExitCode).IsEqualTo(1);
        await Assert.That(asked.Errors).Contains("--direct");

        fleet.Master.Start();
        await fleet.UntilHealthyAsync();
        var status = await fleet.RunAsync("status", "--json");
        await Assert.That(status.Output).Contains("\"orphan\"");
        // The same definition through the master takes it over as it runs.
        (await fleet.RunAsync("deploy", service, "-f", fleet.Define(service, exported))).OrThrow();
        await Assert.That(await ProcessAsync(service)).IsEqualTo(before);
        status = await fleet.RunAsync("status", service, "--json");
        await Assert.That(status.Output).DoesNotContain("\"orphan\"");
        await Assert.That(status.Output).Contains("\"generation\": 2");
        await Assert.That((await fleet.RunAsync("data", "list", service, "--json")).OrThrow().Output).Contains("\"epoch\": 1");
        // And one that is ended behind the master's back shows as stale.
        (await fleet.RunAsync("undeploy", service, "--yes", "--direct", "-n", SplitFleet.Node)).OrThrow();
        await Assert.That((await fleet.RunAsync("status", "--json")).Output).Contains("\"stale\"");
        (await fleet.RunAsync("undeploy", service, "--yes")).OrThrow();
    }

    private static string Definition(SplitFleet fleet, string service, string round) => fleet.Define(service, $$"""
        name = "{{service}}"

        [[components]]
        name    = "{{service}}"
        image   = "{{TestPodman.BusyboxImage}}"
        cmd     = ["sh", "-c", "echo $ROUND; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
        env     = ["ROUND={{round}}"]
        volumes = ["/srv/{{service}}:/data"]
        """);

    private static async Task<int> ProcessAsync(string container) =>
        int.Parse((await TestPodman.RunAsync(["inspect", "--format", "{{.State.Pid}}", container])).OrThrow().Output.Trim(), CultureInfo.InvariantCulture);
}
