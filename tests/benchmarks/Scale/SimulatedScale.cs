using System.Collections.Concurrent;
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

/// <summary>What one size of fleet cost.</summary>
internal sealed record ScaleFigures
{
    public required int Nodes { get; init; }

    public required int Services { get; init; }

    /// <summary>From the first call until the last agent was registered, all beginning at once.</summary>
    public required double RegisteredSeconds { get; init; }

    /// <summary>The most tries that one agent needed for it.</summary>
    public required int RegisterTries { get; init; }

    /// <summary>Heartbeats recorded per second, in bursts in which all agents call at once.</summary>
    public required double HeartbeatsPerSecond { get; init; }

    /// <summary>Processor time of the master for each heartbeat, microseconds.</summary>
    public required double MasterMicrosecondsPerHeartbeat { get; init; }

    /// <summary>The share of all processor time in the bursts that the load generator used.</summary>
    public required double GeneratorShare { get; init; }

    public required double IdleMiB { get; init; }

    public required double AfterStatusMiB { get; init; }

    public required double IdleCores { get; init; }

    public required double StatusP50 { get; init; }

    public required double StatusP99 { get; init; }

    public required double PlanP50 { get; init; }

    public required double PlanP99 { get; init; }

    public required double StatusKiB { get; init; }

    /// <summary>Processor time of the master for one status, milliseconds.</summary>
    public required double StatusMasterMilliseconds { get; init; }
}

/// <summary>One real master, as a process of the published file, under a number of simulated agents.</summary>
internal sealed class SimulatedScale(int nodes, int services) : IAsyncDisposable
{
    private static readonly TimeSpan HeartbeatBudget = TimeSpan.FromSeconds(10.2);

    private readonly TemporaryFolder _folder = new();
    private SeededFleet _fleet = null!;
    private SimulatedAgents _agents = null!;
    private RoleProcess _master = null!;
    private PeerChannel _channel = null!;
    private McpMasterService.McpMasterServiceClient _admin = null!;
    private readonly int _agentPort = FreePort();
    private string _address = "";
    private readonly List<Task> _lives = [];
    private readonly CancellationTokenSource _end = new();
    private volatile bool _measuring;

    /// <summary>Measures; a failure comes with the last words of the master.</summary>
    public async Task<ScaleFigures> RunAsync()
    {
        try
        {
            return await MeasureAsync();
        }
        catch (Exception) when (_master is not null)
        {
            Console.Error.WriteLine(string.Join('\n', _master.Printed.Split('\n').TakeLast(30)));
            throw;
        }
    }

    private async Task<ScaleFigures> MeasureAsync()
    {
        var address = _address = $"127.0.0.1:{FreePort()}";
        Say("identities, placements");
        _fleet = SeededFleet.Create(_folder.PathOf("mcp-master"), address, nodes, services, _agentPort);
        var file = _folder.PathOf("mcp-master/mcp-master.toml");
        await File.AppendAllTextAsync(file, $"\n[registration]\nmax_nodes = {nodes + 16}\n");
        _agents = await SimulatedAgents.StartAsync(_fleet, _agentPort, address, CancellationToken.None);
        _master = new RoleProcess(["master", "run", "--config", file], new Dictionary<string, string?>());
        _master.Start();
        _channel = PeerChannel.Open([address], Principal.TheMaster, _fleet.Admin, _fleet.Trust, SeededFleet.Domain, TimeProvider.System);
        _admin = new McpMasterService.McpMasterServiceClient(_channel);
        await Wait.UntilAsync("the master answers", async () => await TryAsync(() => _admin.OperatorListAsync(new OperatorListRequest()).ResponseAsync), TimeSpan.FromMinutes(2), () => Task.FromResult(_master.Printed));
        var warm = ProcessUse.ResidentMiB(_master.ProcessId);
        Say($"registration (the master begins with {warm:0} MiB)");
        var (seconds, tries) = await RegisterAllAsync();
        await Wait.UntilAsync("all nodes are healthy", async () => (await _admin.ListNodesAsync(new ListNodesRequest())).Nodes.All(n => n.Status == "healthy"), TimeSpan.FromMinutes(2), async () =>
        {
            var bad = (await _admin.ListNodesAsync(new ListNodesRequest())).Nodes.Where(n => n.Status != "healthy").ToList();
            return $"{bad.Count} of {nodes}: {bad.FirstOrDefault()?.Detail}";
        });
        // The lines to all agents are opened in rounds of 5 seconds and count after 20; then a while of heartbeats at their real pace, in which what
        // the start took is given back.
        await Task.Delay(TimeSpan.FromSeconds(60));
        var before = ProcessUse.Cpu(_master.ProcessId);
        var looks = new List<double>();
        var idle = Stopwatch.StartNew();
        for (var i = 0; i < 15; i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(1));
            looks.Add(ProcessUse.ResidentMiB(_master.ProcessId));
        }
        var idleCores = (ProcessUse.Cpu(_master.ProcessId) - before) / idle.Elapsed;
        Say("status");
        var (times, bytes, work) = await StatusesAsync(60);
        var afterStatus = ProcessUse.ResidentMiB(_master.ProcessId);
        Say("plan");
        var plans = await PlansAsync(20);
        // Last: its connections come on top of the agents' own.
        Say("heartbeats");
        var (rate, cost, share) = await BurstsAsync(6);
        var figures = new ScaleFigures
        {
            Nodes = nodes,
            Services = services,
            RegisteredSeconds = seconds,
            RegisterTries = tries,
            HeartbeatsPerSecond = rate,
            MasterMicrosecondsPerHeartbeat = cost,
            GeneratorShare = share,
            IdleMiB = Quantile.Of(looks, 0.5),
            IdleCores = idleCores,
            AfterStatusMiB = afterStatus,
            PlanP50 = Quantile.Of(plans, 0.5),
            PlanP99 = Quantile.Of(plans, 0.99),
            StatusP50 = Quantile.Of(times, 0.5),
            StatusP99 = Quantile.Of(times, 0.99),
            StatusKiB = bytes / 1024.0,
            StatusMasterMilliseconds = work,
        };
        return figures;
    }

    /// <summary>All agents begin at once, and live on afterwards.</summary>
    private async Task<(double Seconds, int Tries)> RegisterAllAsync()
    {
        var addresses = (await _admin.ListNodesAsync(new ListNodesRequest())).Nodes.ToDictionary(n => n.Name, n => n.Address);
        var tries = new ConcurrentDictionary<string, int>();
        var refusals = new ConcurrentDictionary<string, int>();
        var last = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _agents.Refused = e => refusals.AddOrUpdate($"{e.Code}", 1, (_, n) => n + 1);
        var watch = Stopwatch.StartNew();
        foreach (var node in _fleet.Nodes)
        {
            _lives.Add(Task.Run(() => _agents.LiveAsync(node, addresses[node], n =>
            {
                if (tries.TryAdd(node, n) && tries.Count == nodes)
                    last.TrySetResult();
            }, () => _measuring, _end.Token)));
        }
        await last.Task.WaitAsync(TimeSpan.FromMinutes(5));
        var seconds = watch.Elapsed.TotalSeconds;
        foreach (var (code, count) in refusals)
            Say($"{count} calls were answered {code}");
        return (seconds, tries.Values.Max());
    }

    private async Task<(double PerSecond, double MasterMicroseconds, double GeneratorShare)> BurstsAsync(int bursts)
    {
        var rates = new List<double>();
        _measuring = true;
        var agents = new Dictionary<string, BareAgent>();
        foreach (var node in _fleet.Nodes)
            agents.Add(node, await BareAgent.ConnectAsync(_address, _fleet.CredentialsOf(node), _fleet.Trust, SeededFleet.Domain, CancellationToken.None));
        var (master, generator) = (TimeSpan.Zero, TimeSpan.Zero);
        for (var i = 0; i < bursts; i++)
        {
            // Each identity may call once in ten seconds.
            await Task.Delay(HeartbeatBudget);
            var (m, g) = (ProcessUse.Cpu(_master.ProcessId), ProcessUse.Cpu(Environment.ProcessId));
            var watch = Stopwatch.StartNew();
            await Task.WhenAll(_fleet.Nodes.Select(node => agents[node].BeatAsync(_agents.Heartbeat(node), CancellationToken.None)));
            rates.Add(nodes / watch.Elapsed.TotalSeconds);
            master += ProcessUse.Cpu(_master.ProcessId) - m;
            generator += ProcessUse.Cpu(Environment.ProcessId) - g;
        }
        _measuring = false;
        foreach (var agent in agents.Values)
            await agent.DisposeAsync();
        return (Quantile.Of(rates, 0.5), master.TotalMicroseconds / (bursts * nodes), generator / (master + generator));
    }

    private async Task<(List<double> Milliseconds, int Bytes, double MasterMilliseconds)> StatusesAsync(int count)
    {
        var times = new List<double>();
        var bytes = 0;
        var master = ProcessUse.Cpu(_master.ProcessId);
        for (var i = 0; i < count; i++)
        {
            var watch = Stopwatch.StartNew();
            var answer = await _admin.StatusAsync(new StatusRequest());
            times.Add(watch.Elapsed.TotalMilliseconds);
            bytes = answer.CalculateSize();
            if (answer.Services.Count != services || answer.Services.Any(s => s.Status != "running"))
                throw new InvalidOperationException($"{answer.Services.Count} services, not all running: {answer.Services.FirstOrDefault(s => s.Status != "running")}");
            await Task.Delay(50);
        }
        return (times, bytes, (ProcessUse.Cpu(_master.ProcessId) - master).TotalMilliseconds / count);
    }

    /// <summary>The plan of a directory that says what is deployed already.</summary>
    private async Task<List<double>> PlansAsync(int count)
    {
        var request = new SyncRequest { DryRun = true, Overwrite = true };
        request.Services.AddRange(_fleet.Nodes.SelectMany(_fleet.ServicesOf));
        var times = new List<double>();
        for (var i = 0; i < count; i++)
        {
            var watch = Stopwatch.StartNew();
            var plan = (await _admin.SyncAsync(request, SimulatedAgents.Operation())).Plan;
            times.Add(watch.Elapsed.TotalMilliseconds);
            if (plan.Entries.Count(e => e.Action == "none") != services)
                throw new InvalidOperationException($"the plan changes something: {plan.Entries.FirstOrDefault(e => e.Action != "none")}");
        }
        return times;
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await Task.WhenAll(_lives);
        _end.Dispose();
        _channel?.Dispose();
        if (_master is not null)
            await _master.DisposeAsync();
        if (_agents is not null)
            await _agents.DisposeAsync();
        _folder.Dispose();
    }

    private void Say(string what) => Console.Error.WriteLine($"{nodes} nodes: {what}");

    private static async Task<bool> TryAsync<T>(Func<Task<T>> call)
    {
        try
        {
            await call();
            return true;
        }
        catch (McpException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
