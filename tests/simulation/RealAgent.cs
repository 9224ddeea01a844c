using Mcp.Agent;
using Mcp.Agent.Configuration;
using Mcp.Agent.Identity;
using Mcp.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Simulation;

/// <summary>The real agent, joined over the wire as on any node, in this process and on a <see cref="SimulatedRuntime"/> of its own.</summary>
internal sealed class RealAgent : IAsyncDisposable
{
    private readonly AgentHost _host;

    private RealAgent(string name, SimulatedRuntime runtime, AgentHost host) => (Name, Runtime, _host) = (name, runtime, host);

    /// <summary>The node.</summary>
    public string Name { get; }

    /// <summary>What it takes for podman.</summary>
    public SimulatedRuntime Runtime { get; }

    /// <summary>Adds the node, joins it and starts its agent.</summary>
    /// <param name="admin">Who may add nodes.</param>
    /// <param name="operation">Metadata of a changing call.</param>
    /// <param name="masterAddress">Where it joins.</param>
    /// <param name="name">The node's name.</param>
    /// <param name="address">host:port in 127.0.0.0/8, free.</param>
    /// <param name="folder">A folder of its own, with a short path: it holds a Unix socket.</param>
    public static async Task<RealAgent> StartAsync(
        McpMasterService.McpMasterServiceClient admin, Grpc.Core.CallOptions operation, string masterAddress, string name, string address, string folder)
    {
        Directory.CreateDirectory(folder);
        var added = await admin.NodeAddAsync(new NodeAddRequest { Name = name, Role = "worker" }, operation);
        var order = new AgentJoinOrder
        {
            MasterAddress = masterAddress,
            Token = added.Token,
            Address = address,
            Home = Path.Combine(folder, "srv/mcp"),
            DataRoot = Path.Combine(folder, "srv"),
            Listen = address,
            PodmanSocket = Path.Combine(folder, "sim.sock"),
        };
        var joined = await AgentJoin.RunAsync(order, _ => { }, TimeProvider.System, CancellationToken.None);
        var runtime = await SimulatedRuntime.StartAsync(order.PodmanSocket, CancellationToken.None);
        // The socket of root lies under /run by default, where the agents of one machine would meet.
        var configuration = AgentConfigurationReader.ReadFile(joined.ConfigurationPath) with { Socket = "" };
        return new RealAgent(name, runtime, await AgentHost.StartAsync(configuration, NullLoggerFactory.Instance, TimeProvider.System, CancellationToken.None));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        await Runtime.DisposeAsync();
    }
}
