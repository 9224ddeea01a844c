using System.Net;
using Mcp.Agent;
using Mcp.Agent.Configuration;
using Mcp.Agent.Identity;
using Mcp.Certificates;
using Mcp.Cli.Configuration;
using Mcp.Cli.Connecting;
using Mcp.Errors;
using Mcp.Master;
using Mcp.Master.Configuration;
using Mcp.Master.Identity;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Cli.Dev;

/// <summary>
/// A fleet of one node in this process. Nothing is faked: the master is created and the node joined by the code that real ones use, over real
/// mutual TLS on loopback, and each step is skipped when an earlier start has done it.
/// </summary>
internal sealed class DevFleet(CommandContext context, DevLayout layout) : IAsyncDisposable
{
    /// <summary>The node's name.</summary>
    public const string Node = "dev";

    private const string Operator = "dev", Domain = "dev.internal";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly ILoggerFactory _logging = RoleLogging.Create(context, "warning", "text");
    private MasterHost? _master;
    private AgentHost? _agent;
    private UnixChannel? _channel;
    private JoinToken? _firstToken;
    private FleetLogin? _login;

    /// <summary>Whether this start created the fleet.</summary>
    public bool FirstStart { get; private set; }

    private string MasterAddress => $"{IPAddress.Loopback}:{layout.MasterPort}";

    private string AgentAddress => $"{IPAddress.Loopback}:{layout.AgentPort}";

    private McpMasterService.McpMasterServiceClient Master => new(_channel ??= UnixChannel.Open(layout.MasterSocket));

    /// <summary>Creates the fleet at the first start, and runs its master.</summary>
    public async Task StartMasterAsync(CancellationToken cancel)
    {
        var configuration = MasterConfiguration.At(layout.MasterHome, "dev", Domain, MasterAddress) with
        {
            Listen = [MasterAddress],
            Socket = layout.MasterSocket,
            LogLevel = "warning",
        };
        if (!File.Exists(MasterInit.FileIn(layout.MasterHome)))
        {
            context.Reporter.Note($"creating a fleet in {layout.Root}");
            MasterInit.Run(configuration, Operator, context.Clock, created => _firstToken = created.Invitation.Token);
            FirstStart = true;
        }
        _master = await MasterHost.StartAsync(configuration, context.Clock, _logging, cancel);
    }

    /// <summary>Joins this machine as the master's node, at the first start.</summary>
    public async Task JoinNodeAsync(CancellationToken cancel)
    {
        if (new CredentialFile(Path.Combine(layout.AgentHome, "certs", "agent.pem")).Exists)
            return;
        var added = await Master.NodeAddAsync(new NodeAddRequest { Name = Node, Role = "master", Address = AgentAddress }, context.NewHeaders(), cancellationToken: cancel);
        var order = new AgentJoinOrder
        {
            MasterAddress = MasterAddress,
            Token = added.Token,
            Address = AgentAddress,
            Home = layout.AgentHome,
            DataRoot = layout.DataRoot,
            Listen = AgentAddress,
            Socket = layout.AgentSocket,
            PodmanSocket = layout.PodmanSocket,
        };
        await AgentJoin.RunAsync(order, static _ => { }, context.Clock, cancel);
    }

    /// <summary>Runs the agent, with a podman service of its own, and waits until the master counts the node as healthy.</summary>
    public async Task StartAgentAsync(CancellationToken cancel)
    {
        var configuration = AgentConfigurationReader.ReadFile(Path.Combine(layout.AgentHome, "mcp-agent.toml")) with { OwnPodmanService = true, LogLevel = "warning" };
        _agent = await AgentHost.StartAsync(configuration, _logging, context.Clock, cancel);
        var until = context.Clock.GetUtcNow() + StartLimit;
        while (true)
        {
            var node = (await Master.ListNodesAsync(new ListNodesRequest(), cancellationToken: cancel)).Nodes.FirstOrDefault(n => n.Name == Node);
            if (node?.Status == "healthy")
                return;
            if (context.Clock.GetUtcNow() >= until)
            {
                throw new McpException(FaultCode.DeadlineExceeded, $"the node did not become healthy within {StartLimit.TotalSeconds:0} s")
                {
                    Cause = node is { Detail.Length: > 0 } ? node.Detail : null,
                    Hint = $"mcp dev --dir {layout.Root}   (start again), or look for what podman says: podman info",
                };
            }
            await Task.Delay(TimeSpan.FromMilliseconds(50), context.Clock, cancel);
        }
    }

    /// <summary>
    /// Logs the operator in, at the first start. It is done before the agent starts, so that the agent knows the operator from its first
    /// word with the master on, and <c>--direct</c> works at once.
    /// </summary>
    public async Task LogInAsync(CancellationToken cancel)
    {
        var folder = new ConfigurationFolder(layout.CliFolder, "dev");
        if (folder.Exists)
            return;
        _login = new FleetLogin(context.Clock, folder) { Nodes = [new DirectNode(Node, [AgentAddress])], Deferred = true };
        // A start that was ended after the login has left the identity; only the configuration is missing then.
        if (!new CredentialFile(folder.CredentialFile).Exists)
            await _login.RunAsync(MasterAddress, _firstToken ?? await InviteAsync(cancel), cancel);
    }

    /// <summary>Writes the operator's configuration, last: who waits for it finds everything ready.</summary>
    public void FinishLogIn() => _login?.WriteConfiguration(MasterAddress);

    private async Task<JoinToken> InviteAsync(CancellationToken cancel)
    {
        var request = new OperatorAddRequest { Name = Operator, Role = "admin" };
        var answer = await Master.OperatorAddAsync(request, context.NewHeaders(), cancellationToken: cancel);
        return JoinToken.TryParse(answer.Token, out var token) ? token : throw new McpException(FaultCode.Internal, "the master gave no join token");
    }

    /// <summary>Ends the agent first, so that its last word still reaches the master.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_agent is not null)
            await _agent.DisposeAsync();
        _channel?.Dispose();
        if (_master is not null)
            await _master.DisposeAsync();
        _logging.Dispose();
    }
}
