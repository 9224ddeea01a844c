using Mcp.Agent;
using Mcp.Agent.Configuration;
using Mcp.Agent.Identity;
using Mcp.Tests.Master;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Agent;

/// <summary>A real master and a real agent that joined it, over TLS in one process, without podman or with one that a test scripts.</summary>
internal sealed class RealAgent : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly AgentConfiguration _configuration;
    private readonly UnixChannel _local;
    private AgentHost? _host;

    private RealAgent(MasterBench fleet, AgentConfiguration configuration, TemporaryFolder folder)
    {
        (Fleet, _configuration, _folder) = (fleet, configuration, folder);
        _local = UnixChannel.Open(folder["agent.sock"]);
        Local = new McpAgentService.McpAgentServiceClient(_local);
    }

    public const string Node = "orion";

    public MasterBench Fleet { get; }

    /// <summary>The agent through its own socket, as root on the node.</summary>
    public McpAgentService.McpAgentServiceClient Local { get; }

    public AgentHost Host => _host ?? throw new InvalidOperationException("the agent is down");

    /// <summary>Where the node's <c>/srv</c> is.</summary>
    public string DataRoot => _folder["srv"];

    /// <summary>A place beside it, which no service may reach.</summary>
    public string Outside => _folder["outside"];

    public static async Task<RealAgent> StartAsync(string? podmanSocket = null)
    {
        var folder = new TemporaryFolder();
        var fleet = await MasterBench.StartAsync();
        var added = await fleet.Admin.NodeAddAsync(new NodeAddRequest { Name = Node, Role = "worker" }, MasterBench.Operation());
        var port = FreePort();
        var joined = await AgentJoin.RunAsync(
            new AgentJoinOrder
            {
                MasterAddress = fleet.Address,
                Token = added.Token,
                Address = $"127.0.0.1:{port}",
                Listen = $"127.0.0.1:{port}",
                Home = folder["mcp"],
                DataRoot = folder["srv"],
                Socket = folder["agent.sock"],
                PodmanSocket = podmanSocket ?? folder["no-podman.sock"],
            },
            _ => { }, TimeProvider.System, CancellationToken.None);
        Directory.CreateDirectory(folder["outside"]);
        var agent = new RealAgent(fleet, AgentConfigurationReader.ReadFile(joined.ConfigurationPath), folder);
        await agent.UpAsync();
        await MasterBench.UntilAsync(async () => (await fleet.NodeAsync(Node)).Joined, "the master has called back");
        return agent;
    }

    /// <summary>Starts the agent's process again, as far as it goes in one process.</summary>
    public async Task UpAsync()
    {
        _host = await AgentHost.StartAsync(_configuration, NullLoggerFactory.Instance, TimeProvider.System, CancellationToken.None);
        await _host.Registered.WaitAsync(TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        _local.Dispose();
        if (_host is not null)
            await _host.DisposeAsync();
        await Fleet.DisposeAsync();
        _folder.Dispose();
    }

    private static int FreePort()
    {
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        socket.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        return ((System.Net.IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
