using System.Net;
using System.Net.Sockets;
using ConsoleAppFramework;
using Mcp.Agent;
using Mcp.Agent.Configuration;
using Mcp.Agent.Identity;
using Mcp.Errors;

namespace Mcp.Cli;

/// <summary>The agent: joined once, then run on every node.</summary>
internal sealed class AgentCommand(CommandContext context)
{
    private static readonly TimeSpan LookupLimit = TimeSpan.FromSeconds(10);

    /// <summary>Makes this machine a node of a fleet, with a token from 'mcp node add' on standard input.</summary>
    /// <param name="masterAddress">master-address: host:port of the master</param>
    /// <param name="tokenFile">read the token from this file instead of standard input</param>
    /// <param name="address">host:port at which the master reaches this agent (default: the address from which the master is reached, port 9444)</param>
    /// <param name="home">the agent's folder</param>
    /// <param name="dataRoot">where the data of services lies: what /srv in definitions means here</param>
    /// <param name="listen">where the agent listens (default: every address, port 9444)</param>
    /// <param name="podmanSocket">podman's API socket (default: that of podman's own unit)</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("join")]
    public async Task Join(
        [Argument] string masterAddress, string? tokenFile = null, string? address = null, string home = "/srv/mcp", string dataRoot = "/srv",
        string? listen = null, string? podmanSocket = null, CancellationToken cancel = default)
    {
        var token = TokenInput.Read(context, tokenFile);
        var order = new AgentJoinOrder
        {
            MasterAddress = masterAddress,
            Token = token.Reveal(),
            Address = address ?? await OwnAddressAsync(masterAddress, cancel),
            Home = Path.GetFullPath(home),
            DataRoot = Path.GetFullPath(dataRoot),
            Listen = listen,
            PodmanSocket = podmanSocket,
        };
        var joined = await AgentJoin.RunAsync(order, context.Reporter.Note, context.Clock, cancel);
        context.Screen.Line($"joined fleet {joined.Fleet} ({joined.Domain}) as node {joined.Node}, role {joined.Role}, at {order.Address}");
        context.Reporter.Note($"next: mcp agent run --config {joined.ConfigurationPath}   (the fleet counts this node once the master has called it back)");
    }

    /// <summary>Runs the agent until it is told to end; a unit of systemd does this. Containers run on.</summary>
    /// <param name="config">its configuration</param>
    /// <param name="cancel">SIGTERM, Ctrl-C.</param>
    [Command("run")]
    public async Task<int> Run(string config = AgentConfigurationReader.DefaultPath, CancellationToken cancel = default)
    {
        var configuration = AgentConfigurationReader.ReadFile(config);
        using var logging = RoleLogging.Create(context, configuration.LogLevel, configuration.LogFormat);
        using var resting = new RestingMemory(context.Clock);
        return await AgentHost.RunAsync(configuration, logging, cancel);
    }

    /// <summary>The address of this machine from which packets to the master leave; nothing is sent but the question for a name.</summary>
    private static async Task<string> OwnAddressAsync(string masterAddress, CancellationToken cancel)
    {
        try
        {
            var colon = masterAddress.LastIndexOf(':');
            var host = colon < 0 ? masterAddress : masterAddress[..colon].Trim('[', ']');
            // The system's resolver may wait for half a minute on a dead name server, and an unwatched thread with it.
            var found = await Dns.GetHostAddressesAsync(host, cancel).WaitAsync(LookupLimit, cancel);
            using var socket = new Socket(found[0].AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(found[0], 9);
            var own = ((IPEndPoint)socket.LocalEndPoint!).Address;
            return own.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{own}]:9444" : $"{own}:9444";
        }
        catch (Exception e) when (e is SocketException or TimeoutException)
        {
            throw new McpException(FaultCode.InvalidArgument, $"the address of this machine towards {masterAddress} could not be found", e)
            {
                Cause = e is TimeoutException ? $"no answer from the name service within {LookupLimit.TotalSeconds:0} s" : e.Message,
                Hint = $"name it: mcp agent join {masterAddress} --address <ip>:9444",
            };
        }
    }
}
