using System.Globalization;
using Mcp.Agent;
using Mcp.Agent.Configuration;
using Mcp.Agent.Deploying;
using Mcp.Agent.Registry;
using Mcp.Podman;
using Mcp.Tests.Podman;
using Mcp.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Agent.Monitoring;

/// <summary>The real monitor over a podman that does as it is told, with one container "notes-web" that is this test process, alive until it is said otherwise.</summary>
internal sealed class MonitorBench : IAsyncDisposable
{
    public const string Container = "c1c1c1c1c1c1";

    private readonly TemporaryFolder _folder = new();
    private CancellationTokenSource _end = new();
    private readonly AgentConfiguration _configuration;
    private readonly PodmanLimits? _limits;
    private Task _running = Task.CompletedTask;
    private PodmanClient? _client;

    public MonitorBench(Func<MonitorSettings, MonitorSettings>? change = null, PodmanLimits? limits = null)
    {
        _limits = limits;
        var settings = new MonitorSettings { Interval = TimeSpan.FromMilliseconds(200) };
        _configuration = TestAgent.In(_folder, Podman) with { Monitor = change?.Invoke(settings) ?? settings };
        Podman.On("GET", "_ping", answer => answer.PongAsync("4.3.1"));
        Podman.On("GET", "events", answer => answer.HangAsync());
        Podman.On("GET", $"containers/{Container}/json", answer => Refusals-- > 0
            ? answer.TextAsync(500, """{"cause":"state improper","message":"container is being removed","response":500}""")
            : answer.TextAsync(State.Length == 0 ? 404 : 200, Inspect()));
        Podman.On("GET", "containers/notes-web/json", 404, """{"cause":"no such container","message":"no such container","response":404}""");
        Parts = Open();
        Parts.Database.Write(connection => ServiceStore.Commit(connection, Row()));
    }

    public FakePodman Podman { get; } = new();

    public AgentParts Parts { get; private set; }

    /// <summary>What podman says of the container; empty: there is none.</summary>
    public string State { get; set; } = "running";

    /// <summary>So often podman refuses to say anything about the container.</summary>
    public int Refusals { get; set; }

    public int ExitCode { get; set; }

    public int Restarts { get; set; }

    public DateTimeOffset StartedAt { get; set; } = DateTimeOffset.UnixEpoch.AddYears(56);

    public int ConmonPid { get; set; } = Environment.ProcessId;

    /// <summary>Starts the monitor; the agent's start is over.</summary>
    public void Run()
    {
        Parts.Start.Done = true;
        _running = AgentComposition.Of(Parts).Monitor.RunAsync(_end.Token);
    }

    /// <summary>What a new process makes of what the old one left.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        _end.Dispose();
        _end = new CancellationTokenSource();
        Parts = Open();
        Run();
    }

    /// <summary>Kinds of the events so far.</summary>
    public string[] Kinds() => [.. Events().Select(e => e.Kind)];

    public List<FleetEvent> Events()
    {
        var events = new List<FleetEvent>();
        var all = Parts.Events.WatchAsync(new EventsRequest(), CancellationToken.None).GetAsyncEnumerator();
        while (all.MoveNextAsync().AsTask().Result)
            events.Add(all.Current);
        return events;
    }

    public async Task UntilAsync(string kind, int times = 1)
    {
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (Kinds().Count(k => k == kind) < times)
        {
            if (patience.Elapsed > TimeSpan.FromSeconds(30))
                throw new TimeoutException($"no {kind} in: {string.Join(", ", Kinds())}");
            await Task.Delay(20);
        }
    }

    /// <summary>Waits until the container has been looked at so many times more.</summary>
    public async Task LooksAsync(int more)
    {
        int Looks() => Podman.Requests.Count(r => r.Path.StartsWith($"containers/{Container}/json", StringComparison.Ordinal));
        var wanted = Looks() + more;
        var patience = System.Diagnostics.Stopwatch.StartNew();
        while (Looks() < wanted && patience.Elapsed < TimeSpan.FromSeconds(30))
            await Task.Delay(20);
        await Assert.That(Looks()).IsGreaterThanOrEqualTo(wanted);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Podman.DisposeAsync();
        _end.Dispose();
        _folder.Dispose();
    }

    private async Task StopAsync()
    {
        await _end.CancelAsync();
        await _running;
        Parts.Dispose();
        _client?.Dispose();
    }

    private AgentParts Open()
    {
        _client = Podman.Client(_limits);
        return new AgentParts(_configuration, TimeProvider.System, NullLoggerFactory.Instance, _client, "fleet.example");
    }

    private static RegisteredServiceRow Row()
    {
        var component = new ComponentSpec { Name = "web", Image = "registry.example.net/app:v1" };
        return new RegisteredServiceRow("notes", new ServiceSpec { Name = "notes", Active = true, Components = { component } }, "hash", 1, true, "", "op", "human/alice", "2026-04-01T00:00:00.000Z",
            [new RegisteredComponentRow("notes", "web", "notes-web", Container, "component-hash", "", new ComponentImage { Component = "web", Reference = component.Image, Digest = "sha256:d", ImageId = "sha256:image" })]);
    }

    private string Inspect() => State.Length == 0 ? """{"cause":"no such container","message":"no such container","response":404}""" : string.Create(CultureInfo.InvariantCulture, $$$"""
        {"Id":"{{{Container}}}","Name":"notes-web","Image":"image","ImageName":"app","Created":"2026-01-01T00:00:00Z","RestartCount":{{{Restarts}}},
         "State":{"Status":"{{{State}}}","Pid":{{{(State == "running" ? Environment.ProcessId : 0)}}},"ConmonPid":{{{ConmonPid}}},"ExitCode":{{{ExitCode}}},"StartedAt":"{{{StartedAt:yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'}}}"},
         "Config":{"Labels":{"{{{OwnLabels.Service}}}":"notes","{{{OwnLabels.Component}}}":"web","{{{OwnLabels.Node}}}":"orion","{{{OwnLabels.SpecHash}}}":"component-hash"}} }
        """);
}
