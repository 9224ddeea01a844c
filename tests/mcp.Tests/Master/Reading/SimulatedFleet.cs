using System.Runtime.CompilerServices;
using Mcp.Errors;
using Mcp.Master;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Master.Reading;

/// <summary>A node as the simulation moves it.</summary>
internal sealed class SimulatedNode(string name)
{
    public string Name => name;

    /// <summary>Nothing arrives at it and nothing comes from it.</summary>
    public bool IsDown { get; set; }

    /// <summary>Its heartbeats do not arrive, although it answers.</summary>
    public bool IsMute { get; set; }

    /// <summary>It does not hear the master, although its heartbeats arrive.</summary>
    public bool IsDeaf { get; set; }

    /// <summary>It is slow for the moment: a look at its containers ends in a timeout, a check does not.</summary>
    public bool IsSlow { get; set; }

    public TimeSpan Skew { get; set; }

    /// <summary>Its containers, by service; the value is the state.</summary>
    public Dictionary<string, string> Containers { get; } = new(StringComparer.Ordinal);

    public HashSet<string> Busy { get; } = new(StringComparer.Ordinal);

    public int NextHeartbeat { get; set; }

    public bool LostOne { get; set; }

    /// <summary>The master's line to it; set when it breaks.</summary>
    public TaskCompletionSource Line { get; set; } = new();
}

/// <summary>
/// A master's health board, watch, rules and ledger, as they run, over nodes that exist in memory only and a clock that the test moves by the
/// second. Everything answers at once, so one seed gives one hour.
/// </summary>
internal sealed class SimulatedFleet : IAgentEyes, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Database _database;
    private readonly GroupedWrites _writes;
    private HealthWatch _health = null!;
    private FindingLedger _ledger = null!;
    private FindingWatch _findings = null!;
    private int _second;
    private int _nextLook;

    public SimulatedFleet(params string[] nodes)
    {
        _database = MasterDatabase.Open(_folder["master.db"], Clock);
        _writes = new GroupedWrites(_database);
        foreach (var name in nodes)
        {
            Nodes.Add(name, new SimulatedNode(name));
            _database.Write(c =>
            {
                NodeStore.Add(c, name, "worker", $"10.0.0.{Nodes.Count}:9444", "2026-04-01T00:00:00Z", "test");
                NodeStore.Joined(c, name, "2026-04-01T00:00:00Z");
            });
        }
        StartMaster();
    }

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 4, 1, 12, 0, 0, TimeSpan.Zero));

    public Dictionary<string, SimulatedNode> Nodes { get; } = new(StringComparer.Ordinal);

    public Database Database => _database;

    public NodeHealthBoard Board { get; private set; } = null!;

    public FleetStatus Status { get; private set; } = null!;

    public KeptAnswers Kept { get; private set; } = null!;

    /// <summary>The nodes that were asked for their containers, in order.</summary>
    public List<string> Asked { get; } = [];

    /// <summary>What happens on a node while it is asked.</summary>
    public Action<string> WhileAsked { get; set; } = _ => { };

    /// <summary>What the alerts were handed: "+stale orion notes", "-stale orion notes".</summary>
    public List<string> Alerts { get; } = [];

    /// <summary>Told of every look.</summary>
    public Action<FindingChanges> Told { get; set; } = _ => { };

    /// <summary>The events of findings, in the same form.</summary>
    public List<string> Events => [.. _database.Read(c => EventStore.After(c, 0, new EventsRequest(), 10_000))
        .Where(e => e.Kind is "finding-opened" or "finding-closed")
        .Select(e => $"{(e.Kind == "finding-opened" ? '+' : '-')}{e.Message[..e.Message.IndexOfAny([':', ','])]} {e.Node} {e.Service}".TrimEnd())];

    /// <summary>As after a kill: everything in memory is new, and all nodes are probed before the first look.</summary>
    public void StartMaster()
    {
        Board = new NodeHealthBoard(Clock);
        Board.Changed += (_, _, _) => _nextLook = Math.Min(_nextLook, _second + 1);
        var probe = new HealthProbe(this, Board, new TermWatch(() => 1), _database, _writes, Clock);
        _health = new HealthWatch(_database, this, probe, Board, TimeSpan.FromSeconds(5), _ => new EventsRequest { Follow = true }, (_, _) => Task.CompletedTask, Clock, NullLogger<HealthWatch>.Instance);
        _health.Begin(CancellationToken.None);
        var warmUp = _health.WarmUpAsync(CancellationToken.None);
        if (!warmUp.IsCompleted)
            throw new InvalidOperationException("The simulation waits for something real.");
        _ledger = new FindingLedger(_database, Clock);
        Kept = new KeptAnswers(_health.LineSince, Clock);
        Status = new FleetStatus(_database, new FleetObservation(_database, this, Board, Kept, Clock), Board, _ledger, new FleetStatusContext("test", "1", _ => false, () => [], () => [], new Mcp.Master.Configuration.SnapshotSettings("") { Interval = TimeSpan.Zero, Drill = TimeSpan.Zero }), Clock);
        _findings = new FindingWatch(Status.FactsAsync, _ledger, Tell, Clock, NullLogger<FindingWatch>.Instance);
        _nextLook = _second;
    }

    public void Place(string service, string node)
    {
        var spec = MasterBench.Spec(service);
        _database.Write(c =>
        {
            PlacementStore.Put(c, new PlacementRow
            {
                Service = service,
                Node = node,
                Pending = false,
                Spec = spec,
                SpecHash = "h",
                Images = [],
                Ports = [],
                Generation = 1,
                Epoch = 1,
                VolumeId = "v",
                Principal = "human/alice",
                At = "2026-04-01T00:00:00Z",
                Operation = "op",
            }, new Dictionary<string, string>());
            ReportedServiceStore.Put(c, new ReportedService(node, service, 1, "v", 1, Running: true));
        });
        Nodes[node].Containers[service] = "running";
    }

    /// <summary>The master begins an operation on a service.</summary>
    public void Begin(string operation, string service, string node) => _database.Write(c => OperationStore.Begin(c, new OperationRow
    {
        Id = operation,
        Kind = "deploy",
        Service = service,
        Node = node,
        Principal = "human/alice",
        RequestKey = "k",
        Request = [],
        State = "running",
        Started = Now,
    }));

    public void End(string operation) => _database.Write(c => OperationStore.Succeed(c, operation, new DeployResponse(), [], Now));

    /// <summary>One second passes; <paramref name="random"/> moves what jitters.</summary>
    public async Task SecondAsync(Random? random = null)
    {
        Clock.Advance(TimeSpan.FromSeconds(1));
        _second++;
        foreach (var node in Nodes.Values.Where(n => !n.IsDown && !n.IsMute && _second >= n.NextHeartbeat))
        {
            node.NextHeartbeat = _second + 30 + (random?.Next(-2, 3) ?? 0) + (random?.Next(12) == 0 ? random.Next(20) : 0);
            // Lost on the way now and then, never two in a row: below the threshold.
            var lost = random?.Next(15) == 0 && !node.LostOne;
            node.LostOne = lost;
            if (lost)
                continue;
            if (Board.Heard(node.Name, node.Skew + TimeSpan.FromMilliseconds(random?.Next(-400, 400) ?? 0)))
            {
                Board.Registered(node.Name);
                _health.Soon(node.Name);
            }
        }
        if (_second % 5 == 0)
            _health.Look();
        if (_second < _nextLook)
            return;
        await _findings.LookAsync(CancellationToken.None);
        _nextLook = _second + (_ledger.IsWaiting ? 20 : 60);
    }

    /// <summary>Whether a look comes within this second.</summary>
    public bool IsAboutToLook => _second + 1 >= _nextLook;

    public Task<HealthCheckResponse> HealthAsync(string node, TimeSpan limit, CancellationToken cancellation) =>
        Nodes[node].IsDown || Nodes[node].IsDeaf ? Task.FromException<HealthCheckResponse>(Silence(node)) : Task.FromResult(new HealthCheckResponse { Status = "healthy" });

    public Task<LiveCheckResponse> LiveAsync(string node, string service, TimeSpan limit, CancellationToken cancellation)
    {
        var there = Nodes[node];
        Asked.Add(node);
        WhileAsked(node);
        if (there.IsDown || there.IsDeaf || there.IsSlow)
            return Task.FromException<LiveCheckResponse>(Silence(node));
        return Task.FromResult(new LiveCheckResponse
        {
            Containers = { there.Containers.Select(c => new ContainerStatus { Service = c.Key, Component = c.Key, State = c.Value == "drift" ? "running" : c.Value, Drift = c.Value == "drift" }) },
            Busy = { there.Busy },
        });
    }

    public async IAsyncEnumerable<FleetEvent> EventsAsync(string node, EventsRequest from, [EnumeratorCancellation] CancellationToken cancellation)
    {
        Nodes[node].Line = new TaskCompletionSource();
        await Nodes[node].Line.Task;
        if (Nodes[node].IsDown || Nodes[node].IsDeaf)
            throw Silence(node);
        yield break;
    }

    public void Dispose()
    {
        _writes.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _database.Dispose();
        _folder.Dispose();
    }

    private void Tell(FindingChanges changes)
    {
        Told(changes);
        Alerts.AddRange(changes.Opened.Select(f => $"+{f.Kind} {f.Node} {f.Service}".TrimEnd()));
        Alerts.AddRange(changes.Closed.Select(f => $"-{f.Kind} {f.Node} {f.Service}".TrimEnd()));
    }

    private string Now => Mcp.Text.Timestamp.Now(Clock);

    private static McpException Silence(string node) => new(FaultCode.DeadlineExceeded, $"agent/{node} did not answer");
}
