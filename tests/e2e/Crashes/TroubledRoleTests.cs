using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Crashes;

/// <summary>Roles that stand still, have no descriptors or memory left, lose podman, cannot have their port, or run as somebody else.</summary>
public class TroubledRoleTests
{
    /// <summary>How long a stopped process stands still: over the 12 s in which it must be noticed.</summary>
    private static readonly TimeSpan Stillness = LongRun.Is ? TimeSpan.FromSeconds(30) : TimeSpan.FromSeconds(14);

    /// <summary>The contract. By the master's clock, which is that of this machine: what a command takes is not counted.</summary>
    private static readonly TimeSpan Noticed = TimeSpan.FromSeconds(12);

    [Test]
    public async Task A_role_that_stands_still_is_noticed_and_goes_on_afterwards()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("still");
        var invariants = new Invariants(fleet, service);
        (await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 1))).OrThrow();

        // The agent, in the middle of a deploy.
        var file = SlowService.Define(fleet, service, round: 2, seconds: 3);
        var deploy = fleet.RunAsync("deploy", service, "-f", file);
        await Wait.UntilAsync("the new container is there", async () => (await SplitFleet.ContainersAsync(service)).Length == 2);
        await fleet.Agent.SignalAsync("STOP");
        var stopped = DateTimeOffset.UtcNow;
        var still = Task.Delay(Stillness);
        await Wait.UntilAsync("the still node is unhealthy", async () => (await NodesAsync(fleet)).Contains("unhealthy", StringComparison.Ordinal), TimeSpan.FromSeconds(20),
            async () => await NodesAsync(fleet));
        await Assert.That(await UnhealthySinceAsync(fleet) - stopped).IsLessThan(Noticed);
        await still;
        await fleet.Agent.SignalAsync("CONT");
        var done = await deploy;
        await Assert.That(done.ExitCode).IsEqualTo(0).Because($"{done}\n{fleet.Agent.Printed}");
        await fleet.UntilHealthyAsync();
        await invariants.CheckAsync(Settled.Running, "2", [done], "the agent stood still during a deploy");

        // The master: a command waits for it, and is not lost.
        file = SlowService.Define(fleet, service, round: 3);
        await fleet.Master.SignalAsync("STOP");
        still = Task.Delay(Stillness);
        var waiting = fleet.RunAsync("deploy", service, "-f", file);
        await still;
        await fleet.Master.SignalAsync("CONT");
        var late = await waiting;
        await fleet.UntilHealthyAsync();
        var again = await fleet.RunAsync("deploy", service, "-f", file);
        await Assert.That(again.ExitCode).IsEqualTo(0).Because($"{again}\nthe one that waited: {late}");
        await invariants.CheckAsync(Settled.Running, "3", [late, again], "the master stood still");
    }

    [Test]
    public async Task A_role_without_descriptors_or_without_podman_says_so_and_recovers()
    {
        await using var fleet = await SplitFleet.StartAsync();
        var service = fleet.Unique("scarce");
        var invariants = new Invariants(fleet, service);
        (await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: 1))).OrThrow();

        var round = 1;
        foreach (var role in new[] { fleet.Agent, fleet.Master })
        {
            // Not one descriptor more than it has now.
            var open = Directory.GetFiles($"/proc/{role.ProcessId}/fd").Length;
            var limit = (await Shell.RunAsync("prlimit", ["--pid", $"{role.ProcessId}", "--nofile", "--output", "SOFT", "--noheadings"])).OrThrow().Output.Trim();
            (await Shell.RunAsync("prlimit", ["--pid", $"{role.ProcessId}", $"--nofile={open}:"])).OrThrow();
            var starved = await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: ++round));
            await Assert.That(role.IsRunning).IsTrue().Because(role.Printed);
            (await Shell.RunAsync("prlimit", ["--pid", $"{role.ProcessId}", $"--nofile={limit}:"])).OrThrow();
            await fleet.UntilHealthyAsync();
            var fed = await fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: ++round), "--overwrite");
            await Assert.That(fed.ExitCode).IsEqualTo(0).Because($"{fed}\nwithout descriptors: {starved}\n{role.Printed}");
            await invariants.CheckAsync(Settled.Running, $"{round}", [starved, fed], "no descriptor was left");
        }

        // Podman's API dies under a deploy, and its unit starts it again.
        var cut = fleet.RunAsync("deploy", service, "-f", SlowService.Define(fleet, service, round: ++round, seconds: 3));
        await Wait.UntilAsync("the new container is there", async () => (await SplitFleet.ContainersAsync(service)).Length == 2);
        await fleet.KillPodmanAsync();
        await Task.Delay(TimeSpan.FromSeconds(2));
        await fleet.StartPodmanAsync();
        var ended = await cut;
        if (ended.ExitCode != 0)
            await Assert.That(ended.Errors).Contains("podman").And.Contains("next:").Because(ended.ToString());
        var same = await fleet.RunAsync("deploy", service, "-f", Path.Combine(fleet.Folder, $"{service}.toml"), "--overwrite");
        await Assert.That(same.ExitCode).IsEqualTo(0).Because($"{same}\nthe one without podman: {ended}\n{fleet.Agent.Printed}");
        await invariants.CheckAsync(Settled.Running, $"{round}", [ended, same], "podman was killed under the agent");
    }

    [Test]
    public async Task A_taken_port_is_waited_for_and_another_user_is_refused_with_the_exact_command()
    {
        await using var fleet = await SplitFleet.StartAsync();

        // The agent without its port still serves its Unix socket, and has the port as soon as it is free.
        await fleet.Agent.TerminateAsync();
        using (var taker = Take(fleet.AgentAddress))
        {
            fleet.Agent.Start();
            await Wait.UntilAsync("the agent answers on its own socket", async () =>
                (await fleet.RunAsync("ps", "--direct", "-n", SplitFleet.Node, "--socket", fleet.AgentSocket)).ExitCode == 0, otherwise: () => Task.FromResult(fleet.Agent.Printed));
            await Wait.UntilAsync("the agent names the port and the reason", () => Task.FromResult(
                fleet.Agent.Printed.Contains(fleet.AgentAddress, StringComparison.Ordinal) && fleet.Agent.Printed.Contains("ddress already in use", StringComparison.Ordinal)),
                otherwise: () => Task.FromResult(fleet.Agent.Printed));
        }
        await fleet.UntilHealthyAsync();

        // A master whose only address is taken ends, and says who may know; its unit starts it again.
        await fleet.Master.TerminateAsync();
        using (var taker = Take(fleet.MasterAddress))
        {
            fleet.Master.Start();
            await Assert.That(await fleet.Master.EndedAsync()).IsEqualTo(1);
            await Assert.That(fleet.Master.Printed).Contains($"the master cannot listen on {fleet.MasterAddress}").And.Contains("ss -ltnp");
        }
        // An address of the other family beside it.
        var configuration = Path.Combine(fleet.MasterHome, "mcp-master.toml");
        var text = await File.ReadAllTextAsync(configuration);
        await Assert.That(text).Contains($"\"{fleet.MasterAddress}\"");
        var port = fleet.MasterAddress[(fleet.MasterAddress.LastIndexOf(':') + 1)..];
        await File.WriteAllTextAsync(configuration, Widened(text, fleet.MasterAddress, $"\"[::1]:{port}\""));
        fleet.Master.Start();
        await fleet.UntilHealthyAsync();
        using (var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp))
            await socket.ConnectAsync(new IPEndPoint(IPAddress.IPv6Loopback, int.Parse(port, CultureInfo.InvariantCulture)));

        // The files belong to another user now: nothing is begun, nothing is deleted, and the command that helps is there to be copied.
        foreach (var (role, database) in new[] { (fleet.Agent, fleet.AgentDatabase), (fleet.Master, fleet.MasterDatabase) })
        {
            await role.TerminateAsync();
            (await Shell.RunAsync("chown", ["4321", database])).OrThrow();
            role.Start();
            await Assert.That(await role.EndedAsync()).IsEqualTo(1);
            await Assert.That(role.Printed).Contains($"the database {database} belongs to user id 4321, but this process runs as 0");
            await Assert.That(role.Printed).Contains($"chown 0 {database}");
            (await Shell.RunAsync("sh", ["-c", $"chown 0 {database}*"])).OrThrow();
            role.Start();
            await fleet.UntilHealthyAsync();
        }
    }

    // The list of addresses in [server], whatever its spelling, with more in it.
    private static string Widened(string text, string address, string more) => text.Replace($"[\"{address}\"]", $"[\"{address}\", {more}]", StringComparison.Ordinal);

    private static Socket Take(string address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(IPEndPoint.Parse(address));
        socket.Listen();
        return socket;
    }

    private static async Task<DateTimeOffset> UnhealthySinceAsync(SplitFleet fleet)
    {
        var listed = (await fleet.RunAsync("events", "--lines", "0", "--json")).OrThrow();
        foreach (var line in listed.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Reverse())
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.GetProperty("kind").GetString() == "node-unhealthy")
                return document.RootElement.GetProperty("at").GetDateTimeOffset();
        }
        throw new InvalidOperationException(listed.ToString());
    }

    private static async Task<string> NodesAsync(SplitFleet fleet) => (await fleet.RunAsync("node", "list")).Output;
}
