using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mcp.EndToEnd.Harness;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Simulation;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Benchmarks.Scale;

/// <summary>
/// Sixteen real agents with two hundred services under one real master: the master is a process of the published file, the agents are the same
/// code in this process, each on a simulated runtime, and every service is deployed through all of it.
/// </summary>
internal sealed class RealScale(int agents, int services) : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<RealAgent> _agents = [];
    private RoleProcess? _master;
    private PeerChannel? _channel;

    /// <summary>Measures, and prints rows of a Markdown table.</summary>
    public async Task RunAsync()
    {
        var address = $"127.0.0.1:{FreePort()}";
        var fleet = SeededFleet.Create(_folder.PathOf("m"), address, 0, 0, 0);
        var file = _folder.PathOf("m/mcp-master.toml");
        await File.AppendAllTextAsync(file, $"\n[registration]\nmax_nodes = {agents}\n");
        _master = new RoleProcess(["master", "run", "--config", file], new Dictionary<string, string?>());
        _master.Start();
        _channel = PeerChannel.Open([address], Principal.TheMaster, fleet.Admin, fleet.Trust, SeededFleet.Domain, TimeProvider.System);
        var admin = new McpMasterService.McpMasterServiceClient(_channel);
        await Wait.UntilAsync("the master answers", async () =>
        {
            try
            {
                await admin.OperatorListAsync(new OperatorListRequest());
                return true;
            }
            catch (McpException)
            {
                return false;
            }
        }, TimeSpan.FromMinutes(2), () => Task.FromResult(_master.Printed));
        for (var i = 0; i < agents; i++)
            _agents.Add(await JoinAsync(admin, address, i));
        await Wait.UntilAsync("all are healthy", async () => (await admin.ListNodesAsync(new ListNodesRequest())).Nodes.All(n => n.Status == "healthy"), TimeSpan.FromMinutes(2));

        // A component without [health] must stay up for two seconds, so what counts is how many go on at a time.
        var watch = Stopwatch.StartNew();
        await Parallel.ForEachAsync(Enumerable.Range(0, services), new ParallelOptions { MaxDegreeOfParallelism = agents * 2 }, async (i, stop) =>
        {
            var answer = await admin.DeployAsync(new DeployRequest { Service = SeededFleet.Spec($"app{i:000}") }, SimulatedAgents.Operation(stop));
            if (!answer.Success)
                throw new InvalidOperationException(answer.Error);
        });
        var deployed = watch.Elapsed;
        var spread = _agents.Select(a => a.Runtime.Containers.Running).ToList();
        if (spread.Sum() != services)
            throw new InvalidOperationException($"{spread.Sum()} containers run");
        var status = await TimesAsync(40, async () =>
        {
            var answer = await admin.StatusAsync(new StatusRequest());
            if (answer.Services.Count(s => s.Status == "running") != services || answer.Findings.Count > 0)
                throw new InvalidOperationException($"{answer.Services.Count(s => s.Status != "running")} do not run; {answer.Findings.FirstOrDefault()}");
        });
        var request = new SyncRequest { DryRun = true, Overwrite = true };
        request.Services.AddRange(Enumerable.Range(0, services).Select(i => SeededFleet.Spec($"app{i:000}")));
        var plans = await TimesAsync(40, async () =>
        {
            var plan = (await admin.SyncAsync(request, SimulatedAgents.Operation())).Plan;
            if (plan.Entries.Any(e => e.Action != "none"))
                throw new InvalidOperationException($"the plan changes something: {plan.Entries.First(e => e.Action != "none")}");
        });
        Console.WriteLine($"| {agents} real agents, {services} services on simulated runtimes | figure |");
        Console.WriteLine("|---|---|");
        Console.WriteLine(FormattableString.Invariant($"| {services} deploys, {agents * 2} at a time (each waits 2 s whether its container stays up) | {deployed.TotalSeconds:0.0} s |"));
        Console.WriteLine(FormattableString.Invariant($"| services on a node, least and most | {spread.Min()}, {spread.Max()} |"));
        Console.WriteLine(FormattableString.Invariant($"| status, p50 and p99 | {Quantile.Of(status, 0.5):0} ms, {Quantile.Of(status, 0.99):0} ms |"));
        Console.WriteLine(FormattableString.Invariant($"| no-change plan, p50 and p99 | {Quantile.Of(plans, 0.5):0} ms, {Quantile.Of(plans, 0.99):0} ms |"));
        Console.WriteLine(FormattableString.Invariant($"| RSS of the master | {ProcessUse.ResidentMiB(_master.ProcessId):0.0} MiB |"));
        Console.WriteLine();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var agent in _agents)
            await agent.DisposeAsync();
        _channel?.Dispose();
        if (_master is not null)
            await _master.DisposeAsync();
        _folder.Dispose();
    }

    private async Task<RealAgent> JoinAsync(McpMasterService.McpMasterServiceClient admin, string address, int i)
    {
        while (true)
        {
            try
            {
                return await RealAgent.StartAsync(admin, SimulatedAgents.Operation(), address, $"real{i:00}", $"127.0.2.{i + 1}:{FreePort()}", _folder.PathOf($"a{i}"));
            }
            catch (McpException e) when (e.Code == FaultCode.ResourceExhausted)
            {
                // All join from one address here, and strangers of one address have a budget, which is refilled every ten seconds.
                await Task.Delay(TimeSpan.FromSeconds(10));
            }
        }
    }

    private static async Task<List<double>> TimesAsync(int count, Func<Task> call)
    {
        var times = new List<double>();
        for (var i = 0; i < count; i++)
        {
            var watch = Stopwatch.StartNew();
            await call();
            times.Add(watch.Elapsed.TotalMilliseconds);
            await Task.Delay(50);
        }
        return times;
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
