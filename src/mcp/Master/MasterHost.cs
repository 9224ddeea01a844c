using System.Net;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Identity;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Processes;
using Mcp.Transport;

namespace Mcp.Master;

/// <summary>
/// A running master. It starts in this order, so that it never serves before it knows where it stands:
/// 1 the database, which must hold the fleet that the configuration names; 2 authority and own certificate; 3 who is known;
/// 4 all nodes are probed at once, and if they obey another master by now, this one ends; a restored one hears what they hold; 5 the snapshot folder and the database are brought together, and operations that were left open are settled by asking their nodes, as far as these answer;
/// 6 it listens, and the loops begin; 7 a sync or a restore that was cut short goes on.
/// Also used inside `mcp dev`, so nothing here is of the whole process.
/// </summary>
internal sealed partial class MasterHost : IAsyncDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    private readonly MasterParts _parts;
    private readonly RoleServer _server;
    private readonly OperationRunner _runner;
    private readonly AuditTrail _audit;
    private readonly CancellationTokenSource _life = new();
    private Task _loops = Task.CompletedTask;
    private readonly ILogger _log;
    private readonly LoopPulse _pulse = new("database and timers", TimeSpan.FromMinutes(2), TimeProvider.System);
    private int _stopped;

    private MasterHost(MasterParts parts, RoleServer server, OperationRunner runner, AuditTrail audit, ILogger log) =>
        (_parts, _server, _runner, _audit, _log, parts.Ending) = (parts, server, runner, audit, log, _life.Token);

    /// <summary>Where it listens, with the real ports.</summary>
    public IReadOnlyList<IPEndPoint> Endpoints => _server.Endpoints;

    /// <summary>What its calls are answered with; for tests and for `mcp dev`.</summary>
    public MasterParts Parts => _parts;

    /// <summary>Starts a master.</summary>
    /// <exception cref="McpException">There is no fleet, the configuration is of another, or nothing could be listened on.</exception>
    public static async Task<MasterHost> StartAsync(MasterConfiguration configuration, TimeProvider clock, ILoggerFactory logging, CancellationToken cancellation)
    {
        // 1
        if (!File.Exists(configuration.Database))
            throw NoFleet(configuration);
        var database = MasterDatabase.Open(configuration.Database, clock);
        try
        {
            MasterStart.Check(database, configuration, clock);
            // 2
            var authority = FleetAuthority.Open(configuration.CaFolder, configuration.Domain, clock);
            var file = new CredentialFile(configuration.TlsCertificate);
            if (!file.Exists)
                OwnIdentity.Issue(authority, file, database, configuration.Domain);
            var host = MasterComposition.Compose(configuration, database, authority, file, clock, logging, out var start);
            try
            {
                await host.BeginAsync(start, cancellation);
                return host;
            }
            catch
            {
                await host.DisposeAsync();
                throw;
            }
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    /// <summary>Runs a master until <paramref name="cancellation"/>; says READY and STOPPING to systemd.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="McpException">It could not start, or its time is over: see <see cref="TermWatch"/>.</exception>
    public static async Task<int> RunAsync(MasterConfiguration configuration, ILoggerFactory logging, CancellationToken cancellation)
    {
        var notify = new Microsoft.Extensions.Hosting.Systemd.SystemdNotifier();
        await using var host = await StartAsync(configuration, TimeProvider.System, logging, cancellation);
        notify.Notify(Microsoft.Extensions.Hosting.Systemd.ServiceState.Ready);
        var outlived = host._parts.Terms.Outlived;
        using var watchdog = SystemdWatchdog.StartIfAsked(notify, host._log, host._pulse);
        try
        {
            await outlived.WaitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            // It was told to end.
        }
        notify.Notify(Microsoft.Extensions.Hosting.Systemd.ServiceState.Stopping);
        return outlived.IsCompletedSuccessfully ? throw await outlived : 0;
    }

    /// <summary>Builds the host around its parts; see <see cref="MasterComposition"/>.</summary>
    internal static MasterHost Of(MasterParts parts, RoleServer server, OperationRunner runner, AuditTrail audit, ILogger log) => new(parts, server, runner, audit, log);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
            return;
        // Operations first: each stops at its next safe point, and its callers hear that; then nothing holds up the server.
        await _life.CancelAsync();
        await _runner.StopAsync(StopLimit);
        using (var limit = new CancellationTokenSource(StopLimit))
            await _server.StopAsync(limit.Token);
        await _loops.WaitAsync(StopLimit).ContinueWith(_ => { }, TaskScheduler.Default);
        await _server.DisposeAsync();
        await _audit.DisposeAsync();
        await _parts.Writes.DisposeAsync();
        _parts.Links.Dispose();
        _parts.Snapshots.Taking.Dispose();
        _runner.Dispose();
        _parts.Authority.Dispose();
        _parts.Database.Dispose();
        LogStopped();
        _life.Dispose();
    }

    private async Task BeginAsync(MasterStart start, CancellationToken cancellation)
    {
        // 4
        await start.Health.WarmUpAsync(cancellation);
        start.Terms.Begin();
        if (start.Terms.Outlived.IsCompletedSuccessfully)
            throw await start.Terms.Outlived;
        await start.Recovery.AskAsync(cancellation);
        // 5
        _parts.Snapshots.Review.Run();
        var open = await start.Open.SettleAsync(cancellation);
        start.Moves.Claim();
        // 6
        await _server.StartAsync(cancellation);
        var configuration = _parts.Configuration;
        var endpoints = string.Join(", ", Endpoints);
        LogStarted(configuration.FleetName, configuration.Domain, ProgramVersion.Text, endpoints, open);
        // 7 is one of them: a restored master carries on nothing before it has heard its nodes.
        _loops = Task.WhenAll(start.Loops.Append(new StandingLoop("pulse", TurnAsync)).Select(loop => Task.Run(() => loop.RunAsync(_parts.Clock, _log, _life.Token), CancellationToken.None)));
    }

    // What every loop and every call of a master needs: a timer that fires, a thread that runs it, a database that answers. One that answers with a
    // failure has answered; a restart would not mend it.
    private async Task TurnAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(5));
        while (await timer.WaitForNextTickAsync(ct))
        {
            try
            {
                _parts.Database.Read(FleetStore.Find);
            }
            catch (McpException e)
            {
                LogNotRead(e.Message, e.Cause ?? "");
            }
            _pulse.Turn();
        }
    }

    private static McpException NoFleet(MasterConfiguration configuration) =>
        new(FaultCode.FailedPrecondition, $"there is no fleet here: {configuration.Database} does not exist")
        {
            Hint = "create it: mcp master init --domain <domain> --address <ip:port>; or name the right file in [database] path",
        };
}
