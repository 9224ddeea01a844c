// Measures the published file beside podman's own command line, in one run, and prints a Markdown table of medians and ratios.
// Run by packaging/bench.sh, which builds what is needed. Figures of different machines or runs are not to be compared; the ratios are.
using System.Diagnostics;
using System.Globalization;
using Mcp.Benchmarks;
using Mcp.Benchmarks.Data;
using Mcp.Benchmarks.Scale;
using Mcp.EndToEnd.Harness;

if (args is ["--scale", .. var sizes])
    return await ScaleTable.RunAsync(sizes.Length > 0 ? [.. sizes.Select(s => int.Parse(s, CultureInfo.InvariantCulture))] : [10, 50, 100, 1000]);

if (args is [PlainSender.SinkVerb, var host])
    return await PlainSender.SinkAsync(host);

if (args is ["--archive", .. var words])
{
    using var archives = new ArchiveBenchmark(words.Length > 0 ? double.Parse(words[0], CultureInfo.InvariantCulture) : 1, words.Length > 1 ? int.Parse(words[1], CultureInfo.InvariantCulture) : 3);
    return await archives.RunAsync();
}

if (args is ["--data", .. var share])
{
    using var benchmark = new DataBenchmark(share.Length > 0 ? double.Parse(share[0], CultureInfo.InvariantCulture) : 1);
    return await benchmark.RunAsync();
}

const int Services = 20;
var runs = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 15;

var environment = await TestPodman.EnvironmentAsync();
var rows = new List<string>();

rows.Add((await Comparison.RunAsync(runs,
    _ => TimedAsync(PublishedBinary.Path, "--version"),
    _ => TimedAsync("podman", "--version"))).Row("cold start: `mcp --version`", "`podman --version`"));

// What of every row is the starting and waiting itself.
rows.Add((await Comparison.RunAsync(runs,
    _ => TimedAsync(PublishedBinary.Path, "--version"),
    _ => TimedAsync("/bin/true"))).Row("the same", "`/bin/true`: what measuring costs"));

await using var fleet = await SplitFleet.StartAsync();
for (var i = 0; i < Services; i++)
{
    var name = fleet.Unique($"idle{i}");
    (await fleet.RunAsync("deploy", name, "-f", Definition(name))).OrThrow();
}

rows.Add((await Comparison.RunAsync(runs,
    async _ => await WallAsync(() => fleet.RunAsync("ps")),
    _ => TimedAsync("podman", "ps"))).Row($"`mcp ps` through master and agent, {Services} services", "`podman ps`, the same containers"));

rows.Add((await Comparison.RunAsync(runs,
    async _ => await WallAsync(() => fleet.RunAsync("status")),
    _ => TimedAsync("podman", "ps"))).Row($"`mcp status`, {Services} services", "`podman ps`, the same containers"));

var deployed = new List<string>();
rows.Add((await Comparison.RunAsync(Math.Min(runs, 10),
    async i =>
    {
        var name = fleet.Unique($"new{i + 1}");
        var file = Definition(name);
        var typed = DateTimeOffset.UtcNow;
        (await fleet.RunAsync("deploy", name, "-f", file)).OrThrow();
        return (await StartedAsync(name) - typed).TotalMilliseconds;
    },
    async i =>
    {
        var name = $"bare-{fleet.Unique("x")}-{i + 1}";
        deployed.Add(name);
        var typed = DateTimeOffset.UtcNow;
        (await TestPodman.RunAsync(["run", "-d", "--name", name, TestPodman.BusyboxImage, "sleep", "3600"])).OrThrow();
        return (await StartedAsync(name) - typed).TotalMilliseconds;
    })).Row("deploy of a local image, from typing to the container running", "`podman run -d` of the same image, likewise"));
foreach (var name in deployed)
    await TestPodman.RunAsync(["rm", "-f", "-t", "0", name]);

// Idle: nothing but heartbeats and checks for a minute; the smallest of several looks, since a collection comes only after half a minute of rest.
var (master, agent) = (double.MaxValue, double.MaxValue);
for (var i = 0; i < 60; i++)
{
    await Task.Delay(TimeSpan.FromSeconds(1));
    (master, agent) = (Math.Min(master, ResidentMiB(fleet.Master.ProcessId)), Math.Min(agent, ResidentMiB(fleet.Agent.ProcessId)));
}

Console.WriteLine();
Console.WriteLine($"Medians of {runs} runs in turn (least–most); ratio = ours / peer, pair by pair: below 1 we are faster.");
Console.WriteLine();
Console.WriteLine("| what | mcp | peer | peer's time | ratio |");
Console.WriteLine("|---|---|---|---|---|");
rows.ForEach(Console.WriteLine);
Console.WriteLine();
Console.WriteLine("| what | figure | aim |");
Console.WriteLine("|---|---|---|");
Console.WriteLine(FormattableString.Invariant($"| file size | {new FileInfo(PublishedBinary.Path).Length / 1e6:0.0} MB | ≤ 30 MB |"));
Console.WriteLine(FormattableString.Invariant($"| idle RSS of the master, {Services} services | {master:0.0} MiB | ≤ 45 MB |"));
Console.WriteLine(FormattableString.Invariant($"| idle RSS of the agent, {Services} services (podman's own service apart) | {agent:0.0} MiB | ≤ 45 MB |"));
return 0;

async Task<double> TimedAsync(string program, params string[] arguments) =>
    await WallAsync(() => Shell.RunAsync(program, arguments, environment));

static async Task<double> WallAsync(Func<Task<CommandResult>> run)
{
    var started = Stopwatch.GetTimestamp();
    (await run()).OrThrow();
    return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
}

static async Task<DateTimeOffset> StartedAsync(string container)
{
    var text = (await TestPodman.RunAsync(["inspect", "--format", "{{.State.StartedAt.UnixNano}}", container])).OrThrow().Output.Trim();
    return DateTimeOffset.UnixEpoch.AddTicks(long.Parse(text, CultureInfo.InvariantCulture) / 100);
}

static double ResidentMiB(int process)
{
    var line = File.ReadLines($"/proc/{process}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
    return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
}

string Definition(string name) => fleet.Define(name, $"""
    name = "{name}"

    [[components]]
    name  = "{name}"
    image = "{TestPodman.BusyboxImage}"
    cmd   = ["sleep", "3600"]
    """);
