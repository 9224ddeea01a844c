using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace Mcp.Simulation;

/// <summary>
/// The agents of a <see cref="SeededFleet"/> in one process. To the master each is an agent like any other: an identity of its own, a TLS 1.3
/// connection of its own in each direction, the channel that real agents use, the same Register and Heartbeat. What is simulated is what lies
/// behind the answers (<see cref="SimulatedAgentService"/>), and that one listener answers for all, by the name the master asks for.
/// </summary>
internal sealed class SimulatedAgents : IAsyncDisposable
{
    private readonly SeededFleet _fleet;
    private readonly WebApplication _server;
    private readonly Dictionary<string, PeerChannel> _channels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, McpMasterService.McpMasterServiceClient> _clients = new(StringComparer.Ordinal);

    private SimulatedAgents(SeededFleet fleet, WebApplication server) => (_fleet, _server) = (fleet, server);

    /// <summary>Listens at <paramref name="port"/>, on loopback; no agent has called yet.</summary>
    /// <param name="fleet">Whose agents.</param>
    /// <param name="port">The one that the fleet was created with.</param>
    /// <param name="masterAddress">Where they call.</param>
    /// <param name="cancellation">Ends the start.</param>
    public static async Task<SimulatedAgents> StartAsync(SeededFleet fleet, int port, string masterAddress, CancellationToken cancellation)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Any, port, listen => Listen(listen, fleet)));
        builder.Services.AddRouting();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(fleet);
        builder.Services.AddSingleton<SimulatedAgentService>();
        var server = builder.Build();
        server.UseRouting();
        server.MapGrpcService<SimulatedAgentService>();
        await server.StartAsync(cancellation);
        var agents = new SimulatedAgents(fleet, server);
        foreach (var node in fleet.Nodes)
        {
            var channel = PeerChannel.Open([masterAddress], Principal.TheMaster, fleet.CredentialsOf(node), fleet.Trust, SeededFleet.Domain, TimeProvider.System);
            agents._channels.Add(node, channel);
            agents._clients.Add(node, new McpMasterService.McpMasterServiceClient(channel));
        }
        return agents;
    }

    /// <summary>The agent's own client of the master, over its own connection.</summary>
    public McpMasterService.McpMasterServiceClient ClientOf(string node) => _clients[node];

    /// <summary>What the agent says at Register.</summary>
    public RegisterRequest Registration(string node, string address)
    {
        var request = new RegisterRequest { Name = node, Role = "worker", Address = address, Arch = "x64", Version = ProgramVersion.Text };
        request.Services.AddRange(_fleet.ServicesOf(node).Select(s => new OwnedService
        {
            Name = s.Name,
            Epoch = 1,
            Generation = 1,
            Running = true,
            VolumeId = SeededFleet.VolumeOf(s.Name),
        }));
        request.Owned = Owned(node);
        return request;
    }

    /// <summary>What the agent says every 30 seconds.</summary>
    public HeartbeatRequest Heartbeat(string node) => new()
    {
        Name = node,
        CpuMillicores = 250,
        MemoryBytes = 2_000_000_000,
        DiskBytes = 50_000_000_000,
        Containers = (uint)_fleet.ServicesOf(node).Count,
        Services = (uint)_fleet.ServicesOf(node).Count,
        RevocationRevision = Revision,
        Clock = Timestamp.Now(TimeProvider.System),
        Owned = Owned(node),
    };

    /// <summary>
    /// Lives as a real agent does until <paramref name="cancellation"/>: registers, trying again after 1 s doubling to 60 s with jitter, then a
    /// heartbeat every 30 s, and Register again when the master asks for it.
    /// </summary>
    /// <param name="node">Whose life.</param>
    /// <param name="address">Where the master calls it.</param>
    /// <param name="registered">Told once, after the first Register, how many tries it took.</param>
    /// <param name="quiet">While true, no heartbeats: a measurement sends its own.</param>
    /// <param name="cancellation">Its end.</param>
    public async Task LiveAsync(string node, string address, Action<int> registered, Func<bool> quiet, CancellationToken cancellation)
    {
        var tries = 0;
        for (var isRegistered = false; !cancellation.IsCancellationRequested;)
        {
            try
            {
                if (!isRegistered)
                {
                    tries++;
                    await ClientOf(node).RegisterAsync(Registration(node, address), Operation(cancellation));
                    isRegistered = true;
                    registered(tries);
                    tries = 0;
                }
                else if (!quiet())
                {
                    var answer = await ClientOf(node).HeartbeatAsync(Heartbeat(node), Operation(cancellation));
                    (Revision, isRegistered) = (answer.RevocationRevision, !answer.RegisterAgain);
                    if (!isRegistered)
                        continue;
                }
                await Task.Delay(TimeSpan.FromSeconds(30), cancellation);
            }
            catch (McpException e)
            {
                Refused(e);
                await Task.Delay(TimeSpan.FromSeconds(Math.Min(60, Math.Pow(2, Math.Max(0, tries - 1))) * (0.5 + Random.Shared.NextDouble())), cancellation)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Told of every call that failed.</summary>
    public Action<McpException> Refused { get; set; } = _ => { };

    /// <summary>Metadata of a call, with a time limit of 30 s.</summary>
    public static CallOptions Operation(CancellationToken cancellation = default) =>
        new(new Metadata { { CallMetadata.Operation, OperationId.New(TimeProvider.System).Value } }, DateTime.UtcNow.AddSeconds(30), cancellation);

    /// <summary>The revision of revocations and people that all agents have taken.</summary>
    public ulong Revision { get; set; }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var channel in _channels.Values)
            channel.Dispose();
        // Open lines would be waited for.
        await _server.StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _server.DisposeAsync();
    }

    // What a real agent digests does not matter to the master; that it stays the same does.
    private string Owned(string node) => $"{node} {_fleet.ServicesOf(node).Count}";

    private static void Listen(ListenOptions listen, SeededFleet fleet)
    {
        listen.Protocols = HttpProtocols.Http2;
        // One address for each node is wanted, so all of 127.0.0.0/8 is listened on, which means all of the machine: the rest is turned away.
        listen.Use(next => connection =>
        {
            if (connection.RemoteEndPoint is IPEndPoint { Address: var from } && IPAddress.IsLoopback(from))
                return next(connection);
            connection.Abort(new ConnectionAbortedException("not from this machine"));
            return Task.CompletedTask;
        });
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = context =>
            {
                // The master dials https://<node>.agent.<domain>; a real agent would not look at the name, having only one certificate.
                var node = context.ClientHelloInfo.ServerName.Split('.')[0];
                context.Connection.Features.Set(new SimulatedNode(node));
                return ValueTask.FromResult(new SslServerAuthenticationOptions
                {
                    EnabledSslProtocols = SslProtocols.Tls13,
                    ServerCertificateContext = fleet.CredentialsOf(node).Current.Context,
                    ApplicationProtocols = [SslApplicationProtocol.Http2],
                    AllowTlsResume = false,
                    ClientCertificateRequired = true,
                    CertificateChainPolicy = TlsListener.ChainPolicy(fleet.Trust.Current),
                    RemoteCertificateValidationCallback = (_, certificate, chain, errors) => certificate is X509Certificate2 && (errors & SslPolicyErrors.RemoteCertificateChainErrors) == 0,
                });
            },
        });
    }
}
