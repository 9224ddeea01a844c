using System.Diagnostics;
using System.Text.Json;
using Mcp.EndToEnd.Crashes;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>
/// Faults between machines, on a master and three workers: one fleet for all of them, since most of each is waiting. w1 is cut, flaps and is
/// paused; w2 goes on serving while its heartbeats do not arrive; w3 has every core busy and loses every twentieth packet, and nobody may
/// raise an alarm about it.
/// </summary>
public class FleetFaultsTests
{
    /// <summary>The contract: a dead line breaks, and a check of 3 s decides. By the master's clock, which is that of this machine: what a command takes is not counted.</summary>
    private static readonly TimeSpan Noticed = TimeSpan.FromSeconds(12);

    /// <summary>Three heartbeats of 30 s, and a round of 5 s that sees it.</summary>
    private static readonly TimeSpan Silent = TimeSpan.FromSeconds(110);

    [Test]
    public async Task Cut_paused_flapping_and_lossy_nodes_are_told_apart_and_converge()
    {
        await using var fleet = await JoinedFleet.StartAsync(["w1", "w2", "w3"], []);
        foreach (var node in new[] { "w1", "w2", "w3" })
            (await fleet.DeployAsync($"on-{node}", SlowService.Text($"on-{node}", round: 1, node: node))).OrThrow();

        var calm = Stopwatch.StartNew();
        await using var busy = await BusyAsync(fleet.Box["w3"]);
        await DropAsync(fleet.Box["w2"], "output", "tcp dport 9555");
        var w2Silent = Stopwatch.StartNew();

        await CutDuringADeployAsync(fleet);
        await OneWayAsync(fleet);
        await PodmanKilledAsync(fleet);
        await FlapAsync(fleet);
        await PausedAsync(fleet);

        // w2: answers, but is not heard. Its services are what they are, not unknown.
        await Wait.UntilAsync("w2's heartbeats are missed", async () => await DetailAsync(fleet, "w2") is { } detail && detail.Contains("agent → master is broken", StringComparison.Ordinal),
            Silent - w2Silent.Elapsed is var left && left > TimeSpan.FromSeconds(10) ? left : TimeSpan.FromSeconds(10), async () => (await fleet.RunAsync("node", "list")).ToString());
        await HealAsync(fleet.Box["w2"]);

        // w3, all the while.
        var span = LongRun.Is ? TimeSpan.FromMinutes(30) : TimeSpan.FromMinutes(2);
        if (span > calm.Elapsed)
            await Task.Delay(span - calm.Elapsed);
        var alarms = (await EventsAsync(fleet, "w3")).Where(e => e.Kind == "node-unhealthy").ToList();
        await Assert.That(alarms).IsEmpty().Because($"w3 was busy and lossy for {calm.Elapsed}: {string.Join("; ", alarms.Select(a => a.Message))}");
        await busy.DisposeAsync();
        await fleet.WaitHealthyAsync();

        // In the end each service runs once, where it was, and nothing is open.
        foreach (var node in new[] { "w1", "w2", "w3" })
            await RunsOnceAsync(fleet, $"on-{node}", node);
        await NothingIsOpenAsync(fleet);
    }

    private static async Task CutDuringADeployAsync(JoinedFleet fleet)
    {
        var w1 = fleet.Box["w1"];
        var deploy = fleet.DeployAsync("on-w1", SlowService.Text("on-w1", round: 2, seconds: 6, node: "w1"));
        await Wait.UntilAsync("the new container is on w1", async () => (await ContainersAsync(w1, "on-w1")).Length == 2);
        (await TestPodman.RunAsync(["network", "disconnect", fleet.Box.Network, w1.Container])).OrThrow();
        var cut = DateTimeOffset.UtcNow;
        await UnhealthyWithinAsync(fleet, "w1", cut, "w1");
        // What is on a silent node is unknown, never absent, and nothing is decided about it.
        var status = await fleet.RunAsync("status");
        await Assert.That(status.Output).Contains("unknown").Because(status.ToString());
        var refused = await fleet.DeployAsync("new-on-w1", SlowService.Text("new-on-w1", round: 1, node: "w1"));
        await Assert.That(refused.ExitCode).IsEqualTo(1).Because(refused.ToString());
        await Assert.That(refused.Errors).Contains("w1").And.Contains("next:").Because(refused.ToString());
        (await TestPodman.RunAsync(["network", "connect", "--ip", w1.Address, fleet.Box.Network, w1.Container])).OrThrow();
        var done = await deploy;
        await Assert.That(done.ExitCode).IsEqualTo(0).Because(done.ToString());
        await HealthyAsync(fleet, "w1");
        await RunsOnceAsync(fleet, "on-w1", "w1", round: "2");
    }

    private static async Task OneWayAsync(JoinedFleet fleet)
    {
        await DropAsync(fleet.Box["w1"], "input", "tcp dport 9444");
        await UnhealthyWithinAsync(fleet, "w1", DateTimeOffset.UtcNow, "master → agent is broken");
        var refused = await fleet.DeployAsync("on-w1", SlowService.Text("on-w1", round: 9, node: "w1"));
        await Assert.That(refused.ExitCode).IsEqualTo(1).Because(refused.ToString());
        await Assert.That(refused.Errors).Contains("w1").And.Contains("next:").Because(refused.ToString());
        await HealAsync(fleet.Box["w1"]);
        await HealthyAsync(fleet, "w1");
        await RunsOnceAsync(fleet, "on-w1", "w1", round: "2");
    }

    private static async Task PodmanKilledAsync(JoinedFleet fleet)
    {
        var w1 = fleet.Box["w1"];
        var text = SlowService.Text("on-w1", round: 3, seconds: 4, node: "w1");
        var deploy = fleet.DeployAsync("on-w1", text);
        await Wait.UntilAsync("the new container is on w1", async () => (await ContainersAsync(w1, "on-w1")).Length == 2);
        // Its socket unit starts it again with the next call.
        (await w1.RunAsync("systemctl", "kill", "--signal=KILL", "podman.service")).OrThrow();
        var first = await deploy;
        var again = await fleet.DeployAsync("on-w1", text);
        await Assert.That(again.ExitCode).IsEqualTo(0).Because($"{again}\nfirst: {first}");
        await RunsOnceAsync(fleet, "on-w1", "w1", round: "3");
    }

    // One second up, one second down.
    private static async Task FlapAsync(JoinedFleet fleet)
    {
        var w1 = fleet.Box["w1"];
        var span = LongRun.Is ? TimeSpan.FromMinutes(5) : TimeSpan.FromSeconds(16);
        var before = (await EventsAsync(fleet, "w1")).Count;
        var clock = Stopwatch.StartNew();
        var text = SlowService.Text("on-w1", round: 4, seconds: 2, node: "w1");
        Task<CommandResult>? deploy = null;
        while (clock.Elapsed < span)
        {
            await DropAsync(w1, "input", "ip saddr != 127.0.0.1");
            await Task.Delay(TimeSpan.FromSeconds(1));
            await HealAsync(w1);
            deploy ??= fleet.DeployAsync("on-w1", text);
            await Task.Delay(TimeSpan.FromSeconds(1));
        }
        var flapped = await deploy!;
        await HealthyAsync(fleet, "w1");
        // It either got through or was refused as a whole; the same command settles it.
        var again = await fleet.DeployAsync("on-w1", text);
        await Assert.That(again.ExitCode).IsEqualTo(0).Because($"{again}\nwhile it flapped: {flapped}");
        await RunsOnceAsync(fleet, "on-w1", "w1", round: "4");
        // Bounded: at most one line a second, and one deploy, however often it was asked for.
        var events = (await EventsAsync(fleet, "w1")).Skip(before).ToList();
        await Assert.That(events.Count).IsLessThan((int)clock.Elapsed.TotalSeconds).Because(string.Join('\n', events.Select(e => $"{e.Kind} {e.Message}")));
        await Assert.That(events.Count(e => e.Kind == "deployed" && e.Message.Contains("on-w1", StringComparison.Ordinal))).IsLessThanOrEqualTo(2);
    }

    private static async Task PausedAsync(JoinedFleet fleet)
    {
        var w1 = fleet.Box["w1"];
        (await TestPodman.RunAsync(["pause", w1.Container])).OrThrow();
        var clock = Stopwatch.StartNew();
        var paused = DateTimeOffset.UtcNow;
        try
        {
            await UnhealthyWithinAsync(fleet, "w1", paused, "w1");
            var refused = await fleet.DeployAsync("on-w1", SlowService.Text("on-w1", round: 5, node: "w1"));
            await Assert.That(refused.ExitCode).IsEqualTo(1).Because(refused.ToString());
            // Two minutes in the long run; otherwise long enough for its line and its connections to be given up.
            var span = LongRun.Is ? TimeSpan.FromMinutes(2) : TimeSpan.FromSeconds(20);
            if (span > clock.Elapsed)
                await Task.Delay(span - clock.Elapsed);
        }
        finally
        {
            (await TestPodman.RunAsync(["unpause", w1.Container])).OrThrow();
        }
        await HealthyAsync(fleet, "w1");
        await RunsOnceAsync(fleet, "on-w1", "w1", round: "4");
        var after = await fleet.DeployAsync("on-w1", SlowService.Text("on-w1", round: 5, node: "w1"));
        await Assert.That(after.ExitCode).IsEqualTo(0).Because(after.ToString());
        await RunsOnceAsync(fleet, "on-w1", "w1", round: "5");
    }

    // ── Faults ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    private static async Task DropAsync(BoxNode node, string direction, string what) => (await node.RunAsync("nft",
        $"add table inet fault; add chain inet fault {direction} {{ type filter hook {direction} priority 0; }}; add rule inet fault {direction} {what} drop")).OrThrow();

    private static async Task HealAsync(BoxNode node) => (await node.RunAsync("nft", "delete table inet fault")).OrThrow();

    // Both cores spin, and one packet of twenty is lost on its way in.
    private static async Task<Trouble> BusyAsync(BoxNode node)
    {
        await DropAsync(node, "input", "numgen random mod 100 < 5");
        (await node.RunAsync("systemd-run", "-q", "--unit=spin", "sh", "-c", "while :; do :; done & while :; do :; done")).OrThrow();
        return new Trouble(node);
    }

    private sealed class Trouble(BoxNode node) : IAsyncDisposable
    {
        private bool _over;

        public async ValueTask DisposeAsync()
        {
            if (_over)
                return;
            _over = true;
            await node.RunAsync("systemctl", "stop", "spin");
            await node.RunAsync("nft", "delete table inet fault");
        }
    }

    // ── What is seen ─────────────────────────────────────────────────────────────────────────────────────────────────────

    private static async Task UnhealthyWithinAsync(JoinedFleet fleet, string node, DateTimeOffset since, string detail)
    {
        await Wait.UntilAsync(
            $"{node} is unhealthy: {detail}",
            async () => await DetailAsync(fleet, node) is { } said && said.Contains(detail, StringComparison.Ordinal),
            TimeSpan.FromSeconds(60), async () => (await fleet.RunAsync("node", "list")).ToString());
        var at = (await EventsAsync(fleet, node)).Last(e => e.Kind == "node-unhealthy").At;
        await Assert.That(at - since).IsLessThan(Noticed).Because($"{node} was cut off at {since:O} and found at {at:O}");
    }

    private static Task HealthyAsync(JoinedFleet fleet, string node) => Wait.UntilAsync(
        $"{node} is healthy", async () => await DetailAsync(fleet, node) is null, TimeSpan.FromMinutes(2), async () => (await fleet.RunAsync("node", "list")).ToString());

    /// <summary>Why the master calls a node unhealthy, or null while it is healthy.</summary>
    private static async Task<string?> DetailAsync(JoinedFleet fleet, string name)
    {
        using var document = JsonDocument.Parse((await fleet.RunAsync("node", "list", "--json")).OrThrow().Output);
        var node = document.RootElement.GetProperty("nodes").EnumerateArray().Single(n => n.GetProperty("name").GetString() == name);
        return node.GetProperty("status").GetString() == "healthy" ? null : $"{name} {node.GetProperty("detail").GetString()}";
    }

    private static async Task<List<(DateTimeOffset At, string Kind, string Message)>> EventsAsync(JoinedFleet fleet, string node)
    {
        var listed = (await fleet.RunAsync("events", "--node", node, "--lines", "0", "--json")).OrThrow();
        var events = new List<(DateTimeOffset, string, string)>();
        foreach (var line in listed.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var document = JsonDocument.Parse(line);
            events.Add((document.RootElement.GetProperty("at").GetDateTimeOffset(), document.RootElement.GetProperty("kind").GetString()!, document.RootElement.GetProperty("message").GetString()!));
        }
        return events;
    }

    private static async Task<string[]> ContainersAsync(BoxNode node, string service) =>
        (await node.RunAsync("podman", "ps", "-a", "--filter", $"label=mcp.service={service}", "--format", "{{.Names}} {{.Status}}")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static async Task RunsOnceAsync(JoinedFleet fleet, string service, string where, string? round = null)
    {
        foreach (var node in fleet.Box.Nodes)
        {
            var containers = await ContainersAsync(node, service);
            await Assert.That(containers.Length).IsEqualTo(node.Name == where ? 1 : 0).Because($"{service} on {node.Name}: {string.Join(", ", containers)}");
        }
        var here = fleet.Box[where];
        await Assert.That((await ContainersAsync(here, service))[0]).StartsWith($"{service} Up");
        await Assert.That((await here.RunAsync("cat", $"/srv/{service}/data/written")).Output.Trim()).IsEqualTo("kept");
        if (round is not null)
            await Assert.That((await here.RunAsync("podman", "exec", service, "sh", "-c", "echo $ROUND")).Output.Trim()).IsEqualTo(round);
    }

    private static async Task NothingIsOpenAsync(JoinedFleet fleet)
    {
        using var document = JsonDocument.Parse((await fleet.RunAsync("status", "--json")).OrThrow().Output);
        // In the long run the schedule has made snapshots, and the file that the service wrote is rightly said to be in none.
        var findings = document.RootElement.GetProperty("findings").EnumerateArray().Select(f => f.GetProperty("kind").GetString()).Where(kind => kind != "files in no snapshot").ToList();
        await Assert.That(findings).IsEmpty().Because((await fleet.RunAsync("status")).ToString());
        using var copy = new TemporaryFolder();
        foreach (var (node, folder, file) in fleet.Box.Nodes.Select(n => (n, "/srv/mcp", "mcp.db")).Append((fleet.Box[JoinedFleet.MasterNode], "/srv/mcp-master", "master.db")))
        {
            foreach (var part in new[] { file, $"{file}-wal" })
                (await TestPodman.RunAsync(["cp", $"{node.Container}:{folder}/{part}", copy.PathOf(part)])).OrThrow();
            var open = await SqliteFile.ReadAsync(copy.PathOf(file), "SELECT count(*) FROM operations WHERE state = 'running'; PRAGMA integrity_check");
            await Assert.That(open).IsEqualTo("0\nok").Because($"{file} of {node.Name}");
            File.Delete(copy.PathOf($"{file}-shm"));
        }
    }
}
