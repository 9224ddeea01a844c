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

    /// <summary>The node whose agent answers, as it was named; empty over a socket.</summary>
    public string NodeName { get; private init; } = "";

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
            return await CheckedAsync(OpenSocket(chosen, direct, folder), node, cancel);

        var configuration = CliConfigurationReader.Read(folder);
        var identity = await HumanIdentity.OpenAsync(context, configuration, direct, cancel);
        return direct ? ToNode(identity, configuration, AddressesOf(configuration, node)) : new FleetLink(identity.Dial([configuration.MasterAddress], Principal.TheMaster), false, folder.Describe(identity.Domain), configuration);
    }

    /// <summary>Opens links to the agent of <paramref name="node"/>, or without one to every agent that this machine knows.</summary>
    /// <exception cref="McpException">This machine knows no fleet, or no node.</exception>
    public static async Task<IReadOnlyList<FleetLink>> OpenAgentsAsync(CommandContext context, string? node, CancellationToken cancel)
    {
        var folder = ConfigurationFolder.Find(context);
        if (node is not null || context.Socket is not null || context.Variable("MCP_SOCKET") is not null || !folder.Exists)
            return [await OpenAsync(context, direct: true, node, cancel)];
        var configuration = CliConfigurationReader.Read(folder);
        var nodes = NodesOf(configuration);
        if (nodes.Count == 0)
            throw Unknown(configuration, "any node");
        var identity = await HumanIdentity.OpenAsync(context, configuration, withoutMaster: true, cancel);
        return [.. nodes.Select(n => ToNode(identity, configuration, n))];
    }

    /// <summary>Remembers where the nodes are, for the day when the master is down.</summary>
    public void Remember(IEnumerable<NodeSummary> nodes)
    {
        if (!ToAgent && Configuration is not null)
            new KnownNodes(Configuration.Folder.NodesFile).Remember(nodes);
    }

    /// <summary>The generation of a service that this machine saw last, on the fleet's side or on the node that is asked directly.</summary>
    public ulong SeenOf(string service)
    {
        if (Configuration is null)
            return 0;
        var seen = new SeenGenerations(Configuration.Folder.SeenFile);
        return ToAgent ? Math.Max(seen.Of(service), seen.Of($"{service}@{NodeName}")) : seen.Of(service);
    }

    /// <summary>Remembers a generation that a node has and the master may not know.</summary>
    public void RememberDirect(string service, ulong generation)
    {
        if (ToAgent && Configuration is not null && NodeName.Length > 0)
            new SeenGenerations(Configuration.Folder.SeenFile).Remember([KeyValuePair.Create($"{service}@{NodeName}", generation)]);
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

    // A socket leads to the agent of this machine, whatever name was given.
    private static async Task<FleetLink> CheckedAsync(FleetLink link, string? node, CancellationToken cancel)
    {
        if (node is null)
            return link;
        try
        {
            var there = (await link.Agent.NodeStatusAsync(new NodeStatusRequest(), deadline: DateTime.UtcNow.AddSeconds(10), cancellationToken: cancel)).Name;
            if (there != node)
                throw new McpException(FaultCode.InvalidArgument, $"the agent {link.Fleet} is that of node {there}, not of {node}") { Hint = $"log in to reach other nodes (mcp login <master-address>), or leave -n out" };
            return link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    private static FleetLink ToNode(HumanIdentity identity, CliConfiguration configuration, DirectNode node) =>
        new(identity.Dial(node.Addresses, Principal.AgentOf(ParseNode(node.Name))), true, configuration.Folder.Describe(identity.Domain), configuration) { NodeName = node.Name };

    private static NodeName ParseNode(string? node)
    {
        if (node is null)
            throw new McpException(FaultCode.InvalidArgument, "--direct needs the node to talk to: -n <node>") { Hint = "mcp list --direct shows what is where" };
        return Names.NodeName.TryParse(node, out var name, out var problem) ? name : throw new McpException(FaultCode.InvalidArgument, $"the node's name '{node}' {problem}");
    }

    // What the operator wrote comes before what the master once said.
    private static List<DirectNode> NodesOf(CliConfiguration configuration) =>
        [.. configuration.Nodes.Concat(new KnownNodes(configuration.Folder.NodesFile).All().Where(k => configuration.Nodes.All(n => n.Name != k.Name)))];

    private static DirectNode AddressesOf(CliConfiguration configuration, string? node)
    {
        var name = ParseNode(node).Value;
        return NodesOf(configuration).Find(n => n.Name == name) ?? throw Unknown(configuration, $"node '{name}'", name);
    }

    private static McpException Unknown(CliConfiguration configuration, string what, string example = "orion")
    {
        var names = string.Join(", ", NodesOf(configuration).Select(n => n.Name));
        return new McpException(FaultCode.NotFound, $"{configuration.Folder.ConfigFile} does not know how to reach {what} directly")
        {
            Cause = names.Length == 0 ? "it has no [[nodes]], and the master has not told this machine of any" : $"known are {names}",
            Hint = $"add to {configuration.Folder.ConfigFile}:  [[nodes]] name = \"{example}\", address = \"host:9444\"   (mcp node list shows addresses, and remembers them)",
        };
    }
}
