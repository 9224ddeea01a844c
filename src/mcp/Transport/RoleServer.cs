using System.Net;
using Grpc.AspNetCore.Server;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Mcp.Errors;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace Mcp.Transport;

/// <summary>
/// The gRPC server of a role: TLS 1.3 listeners and a Unix socket, with the gate that every call passes. Built from an empty host: no environment
/// variable, settings file or signal reaches it but through its options.
/// </summary>
internal sealed class RoleServer : IAsyncDisposable
{
    private readonly RoleServerOptions _options;
    private readonly WebApplication _app;
    private readonly PatientListeners _listeners;

    private RoleServer(RoleServerOptions options, WebApplication app, PatientListeners listeners, ConnectionRegistry connections, CallLimits limits)
    {
        _options = options;
        _app = app;
        _listeners = listeners;
        Connections = connections;
        Limits = limits;
    }

    /// <summary>The live connections, to be cut at a revocation.</summary>
    public ConnectionRegistry Connections { get; }

    /// <summary>The budgets.</summary>
    public CallLimits Limits { get; }

    /// <summary>What is listened on; with the real port where 0 was asked for. Known after the start.</summary>
    public IReadOnlyList<IPEndPoint> Endpoints => _listeners.Bound;

    /// <summary>Addresses that could not be bound and are tried again, with the reason.</summary>
    public IReadOnlyList<string> Problems => _listeners.Problems;

    /// <summary>The role's services.</summary>
    public IServiceProvider Services => _app.Services;

    /// <summary>Composes the server; nothing listens yet.</summary>
    /// <exception cref="McpException">A mapped method has no rule, or an address is malformed.</exception>
    public static RoleServer Build(RoleServerOptions options)
    {
        var addresses = options.Addresses.Select(ListenAddress.Parse).ToList();
        // Without any listener of ours, Kestrel would open http://localhost:5000.
        if (addresses.Count == 0 && options.SocketPath is null)
            throw new InvalidOperationException("A server needs an address or a socket.");
        if (addresses.Count > 0 && (options.Credentials is null || options.Trust is null))
            throw new InvalidOperationException("A server on TCP needs a credential and the fleet's roots.");
        if (options.SocketPath is not null)
            SocketPath.CheckLength(options.SocketPath);

        var connections = new ConnectionRegistry();
        var turns = new HandshakeQueue(options.Clock);
        var limits = new CallLimits(options.FailuresPerMinute);
        var handshakes = new HandshakeWatch(limits, options.Logging);
        var listeners = new PatientListeners(options.Logging, options.Clock);
        var audit = new CallAudit(options.Audit, options.Clock, options.Logging);
        var gate = new CallGate(options, limits, audit);
        var health = new HealthServiceImpl();
        health.SetStatus("", HealthCheckResponse.Types.ServingStatus.Serving);

        var builder = WebApplication.CreateEmptyBuilder(new() { ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseKestrelCore().UseSockets();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            ServerLimits.Apply(kestrel);
            foreach (var address in addresses)
                kestrel.Listen(address, listen => UseTls(listen, options, connections, handshakes, turns));
            if (options.SocketPath is { } path)
                kestrel.ListenUnixSocket(path, UseLocal);
        });
        var services = builder.Services;
        services.AddSingleton(options.Logging);
        services.AddSingleton<IHostLifetime, NoLifetime>();
        services.AddSingleton<IConnectionListenerFactory>(given => listeners.With(given.GetRequiredService<IOptions<SocketTransportOptions>>()));
        services.AddSingleton<IMemoryPoolFactory<byte>, WideBlocks>();
        services.AddSingleton(options.Clock);
        services.AddSingleton(audit);
        services.AddSingleton(health);
        // Otherwise one would be made for every call.
        services.AddSingleton<CallInterceptor>();
        services.AddRouting();
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = ServerLimits.MaxMessageBytes;
            grpc.EnableDetailedErrors = false;
            // No compression either way: the gate refuses compressed requests, and answers are small or compressed already.
            grpc.CompressionProviders.Clear();
            grpc.ResponseCompressionAlgorithm = null;
            grpc.Interceptors.Add<CallInterceptor>();
        });
        options.Services(services);

        var app = builder.Build();
        app.UseRouting();
        app.Use(gate.InvokeAsync);
        app.MapGrpcService<HealthServiceImpl>();
        options.Map(app);
        CheckRules(app, options.Table);
        return new(options, app, listeners, connections, limits);
    }

    /// <summary>Listens.</summary>
    /// <exception cref="McpException">The socket is another process's, or no address could be bound.</exception>
    public async Task StartAsync(CancellationToken ct)
    {
        if (_options.SocketPath is { } path)
            await SocketPath.PrepareAsync(path, ct);
        await _app.StartAsync(ct);
        if (_options.Addresses.Count > 0 && Endpoints.Count == 0 && !(_options.StartWithoutTcp && _options.SocketPath is not null))
        {
            var problems = string.Join("; ", Problems);
            await StopAsync(CancellationToken.None);
            throw new McpException(FaultCode.Unavailable, $"the {_options.Role} cannot listen on {string.Join(", ", _options.Addresses)}")
            {
                Cause = problems,
                Hint = $"see who has the port: ss -ltnp; or change [server] grpc_addr in mcp-{_options.Role}.toml",
            };
        }
    }

    /// <summary>Stops listening, lets calls in flight end until <paramref name="ct"/>, then cuts them.</summary>
    public async Task StopAsync(CancellationToken ct)
    {
        try
        {
            await _app.StopAsync(ct);
        }
        catch (OperationCanceledException)
        {
            // Patience is over and what was left was cut, as promised; a follower of logs never ends by itself.
        }
        if (_options.SocketPath is { } path)
            await SocketPath.ReleaseAsync(path);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Limits.Dispose();
    }

    private static void UseTls(ListenOptions listen, RoleServerOptions options, ConnectionRegistry connections, HandshakeWatch handshakes, HandshakeQueue turns)
    {
        listen.Protocols = HttpProtocols.Http2;
        ConnectionCap.Use(listen, ServerLimits.MaxConnections);
        turns.Enter(listen);
        handshakes.Begin(listen);
        TlsListener.Use(listen, options.Credentials!, options.Trust!);
        HandshakeWatch.End(listen);
        HandshakeQueue.Leave(listen);
        listen.Use(next => async connection =>
        {
            var identity = connection.Features.Get<PresentedCertificate>()?.Judge(options.Trust!.Current, options.Domain, options.Clock.GetUtcNow());
            if (identity?.Principal is null)
            {
                await next(connection);
                return;
            }
            connections.Add(connection, identity.Principal, identity.Serial);
            try
            {
                await next(connection);
            }
            finally
            {
                connections.Remove(connection);
            }
        });
    }

    private static void UseLocal(ListenOptions listen)
    {
        listen.Protocols = HttpProtocols.Http2;
        listen.Use(next => async connection =>
        {
            var socket = connection.Features.Get<IConnectionSocketFeature>()?.Socket ?? throw new InvalidOperationException("A Unix connection without its socket.");
            var peer = LocalPeer.Of(socket);
            // The mode keeps others out already; a socket that was handed over or whose mode was widened is still not theirs.
            if (!peer.IsAllowed)
            {
                connection.Abort(new ConnectionAbortedException($"uid {peer.UserId} may not use this socket"));
                return;
            }
            connection.Features.Set(peer);
            await next(connection);
        });
    }

    /// <summary>Every method that is mapped must have a rule; a forgotten one is found at the start, not by its first caller.</summary>
    private static void CheckRules(IEndpointRouteBuilder endpoints, AuthorizationTable table)
    {
        var missing = endpoints.DataSources.SelectMany(s => s.Endpoints)
            .Select(e => e.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.FullName.TrimStart('/'))
            .Where(m => m is not null && table.Find(m) is null).ToList();
        if (missing.Count > 0)
            throw new McpException(FaultCode.Internal, $"no authorization rule for {string.Join(", ", missing)}; such a method must not be served");
    }

    /// <summary>The role's own host handles signals; two servers in one process (mcp dev) must not compete for them.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
