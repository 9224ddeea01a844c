using Grpc.Core;
using Mcp.Cli.Configuration;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Cli.Connecting;

/// <summary>
/// The way from this terminal to the fleet. With a configuration: TLS to the master, or with <c>--direct</c> to one agent. Without one, on a
/// node: the role's Unix socket, which root can open; that is the way back in when every certificate is lost.
/// </summary>
internal sealed class FleetLink : IDisposable
{
    /// <summary>Sockets of the roles where their units put them.</summary>
    internal const string MasterSocket = "/run/mcp-master/master.sock", AgentSocket = "/run/mcp-agent/agent.sock";

    private readonly ChannelBase _channel;

    private FleetLink(ChannelBase channel, bool toAgent, string fleet, CliConfiguration? configuration)
    {
        _channel = channel;
        ToAgent = toAgent;
        Fleet = fleet;
        Configuration = configuration;
    }

    /// <summary>Whether an agent answers instead of the master.</summary>
    public bool ToAgent { get; }

    /// <summary>The fleet's name for questions; "this machine" over a socket.</summary>
    public string Fleet { get; }

    /// <summary>The configuration; null over a socket without one.</summary>
    public CliConfiguration? Configuration { get; }

    /// <summary>The master.</summary>
    public McpMasterService.McpMasterServiceClient Master => field ??= ToAgent
        ? throw new McpException(FaultCode.FailedPrecondition, "this command needs the master, and the link leads to an agent") { Hint = "run it without --direct, on a machine that is logged in" }
        : new McpMasterService.McpMasterServiceClient(_channel);

    /// <summary>The agent.</summary>
    public McpAgentService.McpAgentServiceClient Agent => field ??= ToAgent
        ? new McpAgentService.McpAgentServiceClient(_channel)
        : throw new InvalidOperationException("The link leads to the master.");

    /// <summary>Opens the link to the master.</summary>
    /// <exception cref="McpException">This machine knows no fleet.</exception>
    public static async Task<FleetLink> OpenAsync(CommandContext context, CancellationToken cancel)
    {
        var link = await OpenAsync(context, direct: false, node: null, cancel);
        if (!link.ToAgent)
            return link;
        link.Dispose();
        throw new McpException(FaultCode.FailedPrecondition, "this command needs the master; this machine has only an agent's socket")
        {
            Hint = "mcp login <master-address>",
        };
    }

    /// <summary>Opens the link to the master, or with <paramref name="direct"/> to the agent of <paramref name="node"/>.</summary>
    /// <exception cref="McpException">This machine knows no fleet, or not that node.</exception>
    public static async Task<FleetLink> OpenAsync(CommandContext context, bool direct, string? node, CancellationToken cancel)
    {
        if (node is not null && !direct)
            throw new McpException(FaultCode.InvalidArgument, "a node is named only together with --direct; the master finds it otherwise");
        var folder = ConfigurationFolder.Find(context);
        var chosen = context.Socket ?? context.Variable("MCP_SOCKET");
        if (chosen is null && !folder.Exists)
            chosen = DefaultSocket(direct);
        if (chosen is not null)
            return OpenSocket(chosen, direct, folder);

        var configuration = CliConfigurationReader.Read(folder);
        var identity = await HumanIdentity.OpenAsync(context, configuration, cancel);
        var fleet = folder.Describe(identity.Domain);
        return direct
            ? new FleetLink(identity.Dial(AddressesOf(configuration, node), Principal.AgentOf(ParseNode(node))), true, fleet, configuration)
            : new FleetLink(identity.Dial([configuration.MasterAddress], Principal.TheMaster), false, fleet, configuration);
    }

    /// <summary>What this machine saw last; null over a socket, where nothing is remembered.</summary>
    public SeenGenerations? Seen => ToAgent || Configuration is null ? null : new SeenGenerations(Configuration.Folder.SeenFile);

    /// <inheritdoc/>
    public void Dispose() => (_channel as IDisposable)?.Dispose();

    private static FleetLink OpenSocket(string path, bool direct, ConfigurationFolder folder)
    {
        if (!File.Exists(path))
        {
            throw new McpException(FaultCode.NotFound, $"there is no socket {path}")
            {
                Hint = "systemctl status mcp-master mcp-agent",
            };
        }
        var toAgent = Path.GetFileName(path).StartsWith("agent", StringComparison.Ordinal);
        if (direct && !toAgent)
            throw new McpException(FaultCode.InvalidArgument, $"--direct talks to an agent, and {path} is not an agent's socket") { Hint = $"--socket {AgentSocket}" };
        var configuration = folder.Exists ? CliConfigurationReader.Read(folder) : null;
        return new FleetLink(UnixChannel.Open(path), toAgent, $"of this machine ({path})", configuration);
    }

    private static string? DefaultSocket(bool direct) =>
        !direct && File.Exists(MasterSocket) ? MasterSocket : File.Exists(AgentSocket) ? AgentSocket : null;

    private static NodeName ParseNode(string? node)
    {
        if (node is null)
            throw new McpException(FaultCode.InvalidArgument, "--direct needs the node to talk to: -n <node>");
        return NodeName.TryParse(node, out var name, out var problem) ? name : throw new McpException(FaultCode.InvalidArgument, $"the node's name '{node}' {problem}");
    }

    private static IReadOnlyList<string> AddressesOf(CliConfiguration configuration, string? node)
    {
        var name = ParseNode(node).Value;
        var known = configuration.Nodes.FirstOrDefault(n => n.Name == name);
        if (known is not null)
            return known.Addresses;
        var names = string.Join(", ", configuration.Nodes.Select(n => n.Name));
        throw new McpException(FaultCode.NotFound, $"{configuration.Folder.ConfigFile} does not know how to reach node '{name}' directly")
        {
            Cause = names.Length == 0 ? "it has no [[nodes]]" : $"its [[nodes]] are {names}",
            Hint = $"add to {configuration.Folder.ConfigFile}:  [[nodes]] name = \"{name}\", address = \"host:9444\"   (mcp node list shows addresses)",
        };
    }
}
