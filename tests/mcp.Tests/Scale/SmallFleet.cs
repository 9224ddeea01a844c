using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Master;
using Mcp.Names;
using Mcp.Simulation;
using Mcp.Tests.Master;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Scale;

/// <summary>A real master in this process under simulated agents, and real agents on simulated runtimes: the parts of the large measurements, few of each.</summary>
internal sealed class SmallFleet : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly int _agentPort = FreePort();
    private readonly List<RealAgent> _real = [];
    private PeerChannel _channel = null!;
    private PeerChannel _stranger = null!;

    private SmallFleet()
    {
    }

    public SeededFleet Seed { get; private set; } = null!;

    public SimulatedAgents Agents { get; private set; } = null!;

    public MasterHost Host { get; private set; } = null!;

    public McpMasterService.McpMasterServiceClient Admin { get; private set; } = null!;

    public string MasterAddress { get; private set; } = "";

    public static async Task<SmallFleet> StartAsync(int nodes, int services, int? maxNodes = null)
    {
        var fleet = new SmallFleet { MasterAddress = $"127.0.0.1:{FreePort()}" };
        fleet.Seed = SeededFleet.Create(fleet._folder["m"], fleet.MasterAddress, nodes, services, fleet._agentPort);
        fleet.Agents = await SimulatedAgents.StartAsync(fleet.Seed, fleet._agentPort, fleet.MasterAddress, CancellationToken.None);
        fleet.Host = await fleet.StartMasterAsync(maxNodes);
        fleet._channel = PeerChannel.Open([fleet.MasterAddress], Principal.TheMaster, fleet.Seed.Admin, fleet.Seed.Trust, SeededFleet.Domain, TimeProvider.System);
        fleet._stranger = PeerChannel.Open([fleet.MasterAddress], Principal.TheMaster, null, fleet.Seed.Trust, SeededFleet.Domain, TimeProvider.System);
        fleet.Admin = new McpMasterService.McpMasterServiceClient(fleet._channel);
        return fleet;
    }

    /// <summary>Starts a real agent on a simulated runtime and waits until the master calls it healthy.</summary>
    public async Task<RealAgent> AddRealAgentAsync(string name)
    {
        var agent = await RealAgent.StartAsync(Admin, MasterBench.Operation(), MasterAddress, name, $"127.0.0.1:{FreePort()}", _folder[name]);
        _real.Add(agent);
        await MasterBench.UntilAsync(async () => (await NodesAsync()).Single(n => n.Name == name).Status == "healthy", $"{name} is healthy");
        return agent;
    }

    public async Task<IReadOnlyList<NodeSummary>> NodesAsync() => (await Admin.ListNodesAsync(new ListNodesRequest())).Nodes;

    /// <summary>One Register of each simulated agent, all at once; null where it was accepted, else the refusal.</summary>
    public async Task<IReadOnlyList<FaultCode?>> RegisterAllAsync()
    {
        var addresses = (await NodesAsync()).ToDictionary(n => n.Name, n => n.Address);
        return await Task.WhenAll(Seed.Nodes.Select(node => RegisterAsync(node, addresses[node])));
    }

    /// <summary>One Register of an agent; null where it was accepted, else the refusal.</summary>
    public Task<FaultCode?> RegisterAsync(string node, string address) =>
        CodeOfAsync(Agents.ClientOf(node).RegisterAsync(Agents.Registration(node, address), SimulatedAgents.Operation()));

    /// <summary>A call of somebody without a certificate to a method that is for known callers.</summary>
    public Task<FaultCode?> StrangerAsync() => CodeOfAsync(new McpMasterService.McpMasterServiceClient(_stranger).StatusAsync(new StatusRequest(), SimulatedAgents.Operation()));

    /// <summary>One Heartbeat of an agent; null where it was accepted, else the refusal.</summary>
    public Task<FaultCode?> BeatAsync(string node) => CodeOfAsync(Agents.ClientOf(node).HeartbeatAsync(Agents.Heartbeat(node), SimulatedAgents.Operation()));

    public Task UntilHealthyAsync() => MasterBench.UntilAsync(async () => (await NodesAsync()).All(n => n.Status == "healthy"), "all are healthy");

    /// <summary>Ends the master and starts it again at the same address.</summary>
    public async Task RestartAsync()
    {
        await Host.DisposeAsync();
        Host = await StartMasterAsync(null);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var agent in _real)
            await agent.DisposeAsync();
        _channel.Dispose();
        _stranger.Dispose();
        await Host.DisposeAsync();
        await Agents.DisposeAsync();
        _folder.Dispose();
    }

    private Task<MasterHost> StartMasterAsync(int? maxNodes) => MasterHost.StartAsync(
        maxNodes is { } limit ? Seed.Configuration with { MaxNodes = limit } : Seed.Configuration, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);

    private static async Task<FaultCode?> CodeOfAsync<T>(AsyncUnaryCall<T> call)
    {
        try
        {
            await call;
            return null;
        }
        catch (McpException e)
        {
            return e.Code;
        }
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
