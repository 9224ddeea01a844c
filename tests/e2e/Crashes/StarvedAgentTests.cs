using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>An agent whose disk is full or whose podman hangs: a clear error in bounded time, the service that ran before still runs, and what was refused works afterwards.</summary>
public class StarvedAgentTests
{
    [Test]
    public async Task A_full_disk_refuses_the_deploy_and_keeps_what_runs()
    {
        await using var fleet = await SplitFleet.StartAsync(agentDisk: "24m");
        var service = fleet.Unique("full");
        (await fleet.RunAsync("deploy", service, "-f", Definition(fleet, service, 1))).OrThrow();

        var ballast = Path.Combine(fleet.AgentHome, "ballast");
        await Shell.RunAsync("dd", ["if=/dev/zero", $"of={ballast}", "bs=4096"]);
        var refused = await fleet.RunAsync("deploy", service, "-f", Definition(fleet, service, 2));
        await Assert.That(refused.ExitCode).IsEqualTo(1).Because(refused.ToString());
        await Assert.That(refused.Errors).Contains("disk").Because(refused.ToString());
        await Assert.That(await RoundAsync(service)).IsEqualTo("1");

        File.Delete(ballast);
        var again = await fleet.RunAsync("deploy", service, "-f", Definition(fleet, service, 2));
        await Assert.That(again.ExitCode).IsEqualTo(0).Because($"{again}\nwhile full: {refused}\n{fleet.Agent.Printed}");
        await Assert.That(await RoundAsync(service)).IsEqualTo("2");
        await Assert.That(await SplitFleet.ContainersAsync(service)).IsEquivalentTo([$"{service} running"]);
    }

    [Test]
    public async Task A_podman_that_hangs_ends_in_an_error_and_the_service_runs_on()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("hung");
        (await fleet.RunAsync("deploy", service, "-f", Definition(fleet, service, 1))).OrThrow();

        (await Shell.RunAsync("kill", ["-STOP", $"{fleet.PodmanProcessId}"])).OrThrow();
        try
        {
            // What cannot be asked is unknown, never absent; and nothing hangs with it.
            var ps = await fleet.RunAsync("ps");
            await Assert.That(ps.Errors).Contains(service).Because(ps.ToString());
            await Assert.That(ps.Errors).Contains("podman hangs").Because(ps.ToString());
            var refused = await fleet.RunAsync("deploy", service, "-f", Definition(fleet, service, 2));
            await Assert.That(refused.ExitCode).IsEqualTo(1).Because(refused.ToString());
            await Assert.That(refused.Errors).Contains("podman").Because(refused.ToString());
        }
        finally
        {
            await Shell.RunAsync("kill", ["-CONT", $"{fleet.PodmanProcessId}"]);
        }
        await Assert.That(await RoundAsync(service)).IsEqualTo("1");
        await Wait.UntilAsync("the deploy succeeds once podman answers", async () =>
            (await fleet.RunAsync("deploy", service, "-f", Definition(fleet, service, 2), "--overwrite")).ExitCode == 0,
            TimeSpan.FromMinutes(2), () => Task.FromResult(fleet.Agent.Printed));
        await Assert.That(await RoundAsync(service)).IsEqualTo("2");
        await Assert.That(await SplitFleet.ContainersAsync(service)).IsEquivalentTo([$"{service} running"]);
    }

    private static async Task<string> RoundAsync(string service) => (await TestPodman.RunAsync(["exec", service, "sh", "-c", "echo $ROUND"])).OrThrow().Output.Trim();

    private static string Definition(SplitFleet fleet, string service, int round) => fleet.Define(service, $"""
        name = "{service}"

        [[components]]
        name  = "{service}"
        image = "{TestPodman.BusyboxImage}"
        cmd   = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"]
        env   = ["ROUND={round}"]
        """);
}
