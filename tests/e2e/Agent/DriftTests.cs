using System.Diagnostics;
using System.Globalization;
using Mcp.EndToEnd.Harness;
using Mcp.V1;

namespace Mcp.EndToEnd.Agent;

/// <summary>
/// Drift made behind the agent's back on real containers, one after another: each is told, within 2 s with podman's events and within 30 s without them, and its end,
/// too; and nothing is told that was not made. CI makes a few by a seed that is printed; <c>MCP_DRIFTS=100</c> makes as many as are asked for, and
/// <c>MCP_SEED</c> the same ones again:
/// <code>MCP_DRIFTS=100 tests/e2e/bin/Debug/net10.0/e2e --treenode-filter "/*/*/DriftTests/*"</code>
/// </summary>
[NotInParallel]
internal sealed class DriftTests
{
    private static readonly string[] Kinds = ["stop", "remove", "kill", "kill conmon", "pause", "rename", "make anew"];

    private static int Asked(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    [Test]
    public Task With_podmans_events() => RunAsync(cut: false, count: Asked("MCP_DRIFTS", 2 * Kinds.Length), limit: TimeSpan.FromSeconds(2));

    [Test]
    public Task With_podmans_events_cut_off() => RunAsync(cut: true, count: Asked("MCP_DRIFTS", 4), limit: TimeSpan.FromSeconds(30));

    private static async Task RunAsync(bool cut, int count, TimeSpan limit)
    {
        var seed = Asked("MCP_SEED", Environment.TickCount);
        var random = new Random(seed);
        // One that flaps is told as flapping, not end by end; here every end counts.
        await using var bench = await AgentBench.StartAsync(c => c with { Monitor = c.Monitor with { FlapThreshold = 1000 } });
        var swallowed = 0;
        using var proxy = new PodmanProxy(bench.PathOf("quiet.sock"), bench.PodmanSocket, line =>
        {
            if (!line.StartsWith("GET ", StringComparison.Ordinal) || !line.Contains("/events?", StringComparison.Ordinal))
                return Passage.Pass;
            Interlocked.Increment(ref swallowed);
            return Passage.Swallow;
        });
        if (cut)
            await bench.RestartAsync(proxy.Path);
        var services = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            services.Add(bench.NewService());
            await bench.DeployAsync(Spec(services[i]));
        }
        using var end = new CancellationTokenSource();
        var monitor = bench.Agent.Monitor.RunAsync(end.Token);
        var delays = new List<(string Kind, TimeSpan Delay)>();
        var began = 0;
        for (var i = 0; i < count; i++)
        {
            // Every kind in turn, on one service after another, so that few are still all kinds; the order is the seed's.
            var kind = Kinds[(i + seed % Kinds.Length + Kinds.Length) % Kinds.Length];
            var service = services[random.Next(services.Count)];
            await Task.Delay(random.Next(500, 1500));
            var before = Last(bench);
            await DriftAsync(bench, service, kind);
            var made = Stopwatch.StartNew();
            await UntilAsync(bench, e => e.Id > before && e.Service == service && IsBegin(e.Kind), $"{kind} of {service} is told (seed {seed}, number {i})", limit);
            delays.Add((kind, made.Elapsed));
            began++;
            await RepairAsync(bench, service, kind);
            // A killed one is started again by podman: it has no end. What began is over after at most a full look.
            await Wait.UntilAsync(
                $"the {kind} of {service} is over (seed {seed}, number {i})", () => Task.FromResult(bench.Parts.Alerts.OpenNow().All(o => o.Notice.Subject.Kind == "container flapping")),
                TimeSpan.FromSeconds(40), () => Task.FromResult(Story(bench)));
        }
        await end.CancelAsync();
        await monitor;
        Console.WriteLine($"{count} drifts, {(cut ? "events cut off" : "with events")}, seed {seed}: " + string.Join(", ", delays.GroupBy(d => d.Kind).Select(g =>
            string.Create(CultureInfo.InvariantCulture, $"{g.Key} {g.Count()}× at most {g.Max(d => d.Delay.TotalSeconds):0.00} s"))));
        await Assert.That(delays.Count).IsEqualTo(count);
        if (cut)
            await Assert.That(swallowed).IsGreaterThan(0);
        // One each, and nothing that nobody made: a renamed or replaced container may be two facts, a missing one and a changed one never more.
        await Assert.That(Events(bench).Count(e => IsBegin(e.Kind))).IsLessThanOrEqualTo(2 * began);
        await Assert.That(string.Join('\n', Events(bench).Where(e => e.Kind == "podman-unreachable").Select(e => e.Message))).IsEqualTo("");
    }

    private static async Task DriftAsync(AgentBench bench, string service, string kind)
    {
        var id = bench.Parts.Services.Find(service)!.Components.Single().ContainerId;
        var container = (await bench.Podman.InspectContainerAsync(id, CancellationToken.None))!;
        switch (kind)
        {
            case "stop":
                (await TestPodman.RunAsync(["stop", "-t", "0", id])).OrThrow();
                break;
            case "remove":
                (await TestPodman.RunAsync(["rm", "-f", "-t", "0", id])).OrThrow();
                break;
            case "kill":
                (await Shell.RunAsync("kill", ["-9", $"{container.Pid}"])).OrThrow();
                break;
            case "kill conmon":
                (await Shell.RunAsync("kill", ["-9", $"{container.ConmonPid}"])).OrThrow();
                break;
            case "pause":
                (await TestPodman.RunAsync(["pause", id])).OrThrow();
                break;
            case "rename":
                (await TestPodman.RunAsync(["rename", id, $"{service}-by-hand"])).OrThrow();
                break;
            default:
                (await TestPodman.RunAsync(["rm", "-f", "-t", "0", id])).OrThrow();
                (await TestPodman.RunAsync(["run", "-d", "--name", service, TestPodman.BusyboxImage, "sleep", "600"])).OrThrow();
                break;
        }
    }

    private static async Task RepairAsync(AgentBench bench, string service, string kind)
    {
        var id = bench.Parts.Services.Find(service)!.Components.Single().ContainerId;
        switch (kind)
        {
            case "pause":
                (await TestPodman.RunAsync(["unpause", id])).OrThrow();
                break;
            case "rename":
                (await TestPodman.RunAsync(["rename", id, service])).OrThrow();
                break;
            case "make anew":
                (await TestPodman.RunAsync(["rm", "-f", "-t", "0", service])).OrThrow();
                break;
            case "kill conmon":
                await bench.Agent.Operations.RestartAsync(AgentBench.Asker(), new RestartServiceRequest { Service = service }, CancellationToken.None);
                return;
            case "kill":
                return;
        }
        await bench.Agent.Operations.StartAsync(AgentBench.Asker(), new StartServiceRequest { Service = service }, CancellationToken.None);
    }

    private static ServiceSpec Spec(string name) => AgentBench.Spec($"""
        name = "{name}"
        [[components]]
        name = "{name}"
        image = "{TestPodman.BusyboxImage}"
        cmd = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"]
        """);

    private static bool IsBegin(string kind) => kind == "exited" || (kind.StartsWith("container-", StringComparison.Ordinal) && !kind.EndsWith("-over", StringComparison.Ordinal));

    private static List<FleetEvent> Events(AgentBench bench)
    {
        var events = new List<FleetEvent>();
        var all = bench.Parts.Events.WatchAsync(new EventsRequest(), CancellationToken.None).GetAsyncEnumerator();
        while (all.MoveNextAsync().AsTask().Result)
            events.Add(all.Current);
        return events;
    }

    private static ulong Last(AgentBench bench) => Events(bench).LastOrDefault()?.Id ?? 0;

    private static string Story(AgentBench bench) => string.Join('\n', Events(bench).TakeLast(20).Select(e => $"{e.At} {e.Service} {e.Kind}: {e.Message}"));

    private static async Task UntilAsync(AgentBench bench, Func<FleetEvent, bool> happened, string what, TimeSpan limit)
    {
        var patience = Stopwatch.StartNew();
        while (!Events(bench).Any(happened))
        {
            if (patience.Elapsed > limit)
                throw new TimeoutException($"not within {limit.TotalSeconds:0} s: {what}\n{Story(bench)}");
            await Task.Delay(20);
        }
    }
}
