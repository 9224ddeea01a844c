using System.Net;
using Mcp.Agent.Configuration;
using Mcp.Agent.Files;
using Mcp.Agent.Identity;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Monitoring;
using Mcp.Agent.Registry;
using Mcp.Agent.Serving;
using Mcp.Agent.Snapshots;
using Mcp.Alerts;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Names;
using Mcp.Podman;
using Mcp.Processes;
using Mcp.Sqlite;
using Mcp.Transport;
using Microsoft.Extensions.Hosting.Systemd;

namespace Mcp.Agent;

/// <summary>
/// The agent's composition, for <c>mcp agent run</c> and, in one process with a master, for <c>mcp dev</c>. Order of the start: database and key
/// (a refusal here ends it, before anything was touched) → identity → podman → server, for reading and repair → master link, monitor and
/// what a killed process left. A podman that is down or hangs stops none of it. At the end containers keep running: only this process goes.
/// </summary>
internal sealed partial class AgentHost : IAsyncDisposable
{
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(10);

    // A look waits for podman, call after call, and every call has its limit; a service whose operation was interrupted is brought in order in it.
    private static readonly TimeSpan LongestLook = TimeSpan.FromMinutes(10);

    private readonly AgentParts _parts;
    private readonly PodmanClient _podman;
    private readonly PodmanService? _podmanService;
    private readonly RoleServer _server;
    private readonly MasterLink _link;
    private readonly MonitorLoop _monitor;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ILogger _logger;
    private Task _background = Task.CompletedTask;

    private AgentHost(AgentParts parts, PodmanClient podman, PodmanService? podmanService, RoleServer server, MasterLink link, MonitorLoop monitor)
    {
        (_parts, _podman, _podmanService, _server, _link, _monitor) = (parts, podman, podmanService, server, link, monitor);
        _logger = parts.Logging.CreateLogger<AgentHost>();
    }

    /// <summary>Where the gRPC server listens.</summary>
    public IReadOnlyList<IPEndPoint> Endpoints => _server.Endpoints;

    /// <summary>Completed when the master has answered for the first time.</summary>
    public Task Registered => _link.FirstAnswer;

    /// <summary>Runs the agent until <paramref name="ct"/>, as a systemd unit or by hand.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="McpException">It cannot start.</exception>
    public static async Task<int> RunAsync(AgentConfiguration configuration, ILoggerFactory logging, CancellationToken ct)
    {
        await using var host = await StartAsync(configuration, logging, TimeProvider.System, ct);
        var systemd = new SystemdNotifier();
        systemd.Notify(ServiceState.Ready);
        var pulse = new LoopPulse("monitor", LongestLook, TimeProvider.System);
        host._monitor.Turned = pulse.Turn;
        using var watchdog = SystemdWatchdog.StartIfAsked(systemd, host._logger, pulse);
        try
        {
            await Task.Delay(Timeout.Infinite, ct);
        }
        catch (OperationCanceledException)
        {
            systemd.Notify(ServiceState.Stopping);
        }
        return 0;
    }

    /// <summary>Starts the agent and returns when its server is up; what a killed process left is resolved behind it.</summary>
    /// <exception cref="McpException">The database, the key, the identity or the server cannot be used.</exception>
    public static async Task<AgentHost> StartAsync(AgentConfiguration configuration, ILoggerFactory logging, TimeProvider clock, CancellationToken ct)
    {
        var identity = FleetIdentity.Open(configuration);
        Directory.CreateDirectory(configuration.DataRoot);
        SecretFile.EnsureFolder(configuration.Home);
        var podman = new PodmanClient(configuration.PodmanSocket, clock: clock);
        var parts = new AgentParts(configuration, clock, logging, podman, identity.Domain);
        PodmanService? service = null;
        try
        {
            if (configuration.OwnPodmanService)
                service = await PodmanService.StartAsync(new PodmanServiceOptions { SocketPath = configuration.PodmanSocket }, clock, logging.CreateLogger<PodmanService>(), ct);
            var (host, start, contact, alerts) = Compose(parts, podman, service, identity);
            // Only who holds the socket and the port may work: a second agent of this node ends here, before it touched a container.
            await host._server.StartAsync(ct);
            host._background = host.RunBackgroundAsync(start, contact, alerts);
            return host;
        }
        catch
        {
            if (service is not null)
                await service.DisposeAsync();
            podman.Dispose();
            parts.Dispose();
            throw;
        }
    }

    /// <summary>Stops serving and working; containers keep running.</summary>
    public async ValueTask DisposeAsync()
    {
        await _parts.Runner.StopAsync(DrainLimit);
        await _stopping.CancelAsync();
        // Operations are over; what is still open are followers of events and logs, the master's among them, who would never end by themselves.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _server.StopAsync(limit.Token);
        await _background;
        await _server.DisposeAsync();
        _link.Dispose();
        if (_podmanService is not null)
            await _podmanService.DisposeAsync();
        _podman.Dispose();
        _parts.Dispose();
        _stopping.Dispose();
        Stopped();
    }

    private static (AgentHost Host, AgentStart Start, MasterContact Contact, AlertSender Alerts) Compose(AgentParts parts, PodmanClient podman, PodmanService? service, FleetIdentity identity)
    {
        var work = AgentComposition.Of(parts);
        var configuration = parts.Configuration;
        var access = new AgentAccess(parts.State);

        RoleServer? server = null;
        var contact = new MasterContact(work.Report, parts.Clock);
        var alerts = new AlertSender(
            parts.Alerts, parts.AlertSettings, (subject, problem) => parts.Events.Add(new NodeEvent("alert-failed", "error", problem) { Service = subject.Service, Component = subject.Component }), parts.Clock,
            parts.Logging.CreateLogger<AlertSender>());
        var link = new MasterLink(parts, identity, work.Fencing, contact, () => server?.Connections.CutRevoked(access), parts.Logging.CreateLogger<MasterLink>());
        server = RoleServer.Build(new RoleServerOptions
        {
            Role = "agent",
            Domain = identity.Domain,
            Addresses = configuration.Listen,
            SocketPath = configuration.Socket.Length > 0 ? configuration.Socket : null,
            Credentials = identity.Credentials,
            Trust = identity.Trust,
            Table = AgentMethods.Table,
            Access = access,
            Audit = new AgentAudit(parts.Events),
            Clock = parts.Clock,
            Logging = parts.Logging,
            Services = services => services.AddSingleton(new AgentService(parts, work.Operations, work.Observer, work.Monitor, identity, new HealthLook(parts, work.Health), new FileOutlet(parts), work.Data, new DataExport(parts), work.Drill)),
            Map = endpoints => endpoints.MapGrpcService<AgentService>(),
            Version = ProgramVersion.Text,
            Features = AgentFeatures.All,
            StartWithoutTcp = true,
        });
        return (new AgentHost(parts, podman, service, server, link, work.Monitor), work.Start, contact, alerts);
    }

    private async Task RunBackgroundAsync(AgentStart start, MasterContact contact, AlertSender alerts)
    {
        await Task.Yield();
        StandingLoop[] loops =
        [
            new("start", stop => start.RunAsync(_link.Address is null ? null : _link.FirstAnswer, stop)),
            new("monitor", _monitor.RunAsync),
            new("good copy", new GoodCopy(_parts.Database, _parts.Clock, _parts.Logging.CreateLogger<GoodCopy>()).RunAsync),
            new("confinement", new ConfinementReport(_parts).RunAsync),
            new("master link", _link.RunAsync),
            new("master contact", contact.RunAsync),
            new("alerts", alerts.RunAsync),
        ];
        await Task.WhenAll(loops.Select(loop => loop.RunAsync(_parts.Clock, _logger, _stopping.Token)));
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The agent has stopped; containers keep running")]
    private partial void Stopped();
}
