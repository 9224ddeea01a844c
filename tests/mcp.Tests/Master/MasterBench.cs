using Google.Protobuf;
using Grpc.Core;
using Mcp.Certificates;
using Mcp.Master;
using Mcp.Master.Configuration;
using Mcp.Master.Identity;
using Mcp.Names;
using Mcp.Placement;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Master;

/// <summary>A real master in this process, with people and fake agents that joined it over the wire as real ones do.</summary>
internal sealed class MasterBench : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<IDisposable> _channels = [];
    private readonly List<FakeAgent> _agents = [];
    private readonly Dictionary<string, CredentialSource> _agentCredentials = [];

    private CredentialSource _admin = null!;

    private MasterBench()
    {
    }

    public const string Domain = "fleet.example";

    public MasterConfiguration Configuration { get; private set; } = null!;

    public MasterHost Host { get; private set; } = null!;

    /// <summary>What the master's clock is from its next start on.</summary>
    public TimeProvider Clock { get; set; } = TimeProvider.System;

    public TrustSource Trust { get; private set; } = null!;

    /// <summary>Called as the first operator, an admin.</summary>
    public McpMasterService.McpMasterServiceClient Admin { get; private set; } = null!;

    public string Address => $"127.0.0.1:{Host.Endpoints[0].Port}";

    public static async Task<MasterBench> StartAsync(Func<MasterConfiguration, MasterConfiguration>? change = null)
    {
        var bench = new MasterBench();
        var configuration = MasterConfiguration.At(bench._folder["mcp-master"], "bench", Domain, "127.0.0.1:9555") with
        {
            Listen = ["127.0.0.1:0"],
            Socket = "",
            Timeouts = new MasterTimeouts { Deploy = TimeSpan.FromSeconds(20), Undeploy = TimeSpan.FromSeconds(20) },
            ScheduleOnMaster = ScheduleOnMaster.Fallback,
        };
        // Nothing begins by itself while a test looks.
        configuration = configuration with { Snapshots = configuration.Snapshots with { Interval = TimeSpan.Zero, Drill = TimeSpan.Zero } };
        bench.Configuration = change?.Invoke(configuration) ?? configuration;
        Invitation invitation = null!;
        MasterInit.Run(bench.Configuration, "alice", TimeProvider.System, created => invitation = created.Invitation);
        bench.Configuration = bench.Configuration with { Address = "127.0.0.1:0" };
        bench.Host = await bench.StartHostAsync();
        (bench._admin, _) = await bench.JoinAsync(invitation.Token, null);
        bench.Admin = bench.Call(bench._admin);
        return bench;
    }

    /// <summary>Joins over the wire with a token, as `mcp login` and `mcp agent join` do.</summary>
    public async Task<(CredentialSource Credentials, JoinResponse Answer)> JoinAsync(JoinToken token, string? address, IdentityKey? key = null)
    {
        var fleet = await PinnedFleet.FetchAsync(Address, token.RootSha256, TimeProvider.System, CancellationToken.None);
        Trust = new TrustSource(fleet.Trust);
        using var channel = PeerChannel.Open([Address], Principal.TheMaster, null, Trust, fleet.Domain, TimeProvider.System);
        key ??= IdentityKey.Create();
        var answer = await new McpMasterService.McpMasterServiceClient(channel).JoinAsync(
            new JoinRequest { Token = token.Reveal(), CsrDer = ByteString.CopyFrom(key.CreateRequest()), Address = address ?? "", Arch = "x64", Version = "test" }, Operation());
        return (new CredentialSource(Credential.From(key, answer.ChainPem.Span, "the test's identity")), answer);
    }

    /// <summary>A client with these credentials.</summary>
    public McpMasterService.McpMasterServiceClient Call(CredentialSource? credentials)
    {
        var channel = PeerChannel.Open([Address], Principal.TheMaster, credentials, Trust, Domain, TimeProvider.System);
        _channels.Add(channel);
        return new McpMasterService.McpMasterServiceClient(channel);
    }

    /// <summary>Adds a node, lets its agent join and register, and waits until the master has called it back.</summary>
    public async Task<FakeAgent> AddAgentAsync(string name, string role = "worker")
    {
        var added = await Admin.NodeAddAsync(new NodeAddRequest { Name = name, Role = role }, Operation());
        _ = JoinToken.TryParse(added.Token, out var token);
        var (credentials, _) = await JoinAsync(token!, null);
        _agentCredentials[name] = credentials;
        var agent = new FakeAgent(name);
        await agent.StartAsync(credentials, Trust, Domain);
        _agents.Add(agent);
        await RegisterAsync(agent, role);
        await UntilAsync(async () => (await NodeAsync(name)).Status == "healthy", $"{name} is healthy");
        return agent;
    }

    public async Task<RegisterResponse> RegisterAsync(FakeAgent agent, string role = "worker", params OwnedService[] services) =>
        await Agent(agent.Name).RegisterAsync(new RegisterRequest { Name = agent.Name, Role = role, Address = agent.Address, Arch = "x64", Version = ProgramVersion.Text, Services = { services } }, Operation());

    /// <summary>The client that an agent would use.</summary>
    public McpMasterService.McpMasterServiceClient Agent(string name) => Call(_agentCredentials[name]);

    public FakeAgent AgentOf(string name) => _agents.Single(a => a.Name == name);

    public CredentialSource CredentialsOf(string name) => _agentCredentials[name];

    public async Task<NodeSummary> NodeAsync(string name) => (await Admin.ListNodesAsync(new ListNodesRequest())).Nodes.Single(n => n.Name == name);

    /// <summary>Stops the master and starts another one on the same files, as after a kill. Its port is another one.</summary>
    public async Task RestartAsync(Func<Task>? between = null)
    {
        await Host.DisposeAsync();
        if (between is not null)
            await between();
        Host = await StartHostAsync();
        Admin = Call(_admin);
    }

    /// <summary>Invites a person and logs it in.</summary>
    public async Task<McpMasterService.McpMasterServiceClient> AddOperatorAsync(string name, string role, params string[] services)
    {
        var added = await Admin.OperatorAddAsync(new OperatorAddRequest { Name = name, Role = role, Services = { services } }, Operation());
        _ = JoinToken.TryParse(added.Token, out var token);
        var (credentials, _) = await JoinAsync(token!, null);
        return Call(credentials);
    }

    public async Task<DeployResponse> DeployAsync(ServiceSpec spec, string? operation = null, Action<DeployRequest>? change = null)
    {
        var request = new DeployRequest { Service = spec };
        change?.Invoke(request);
        return await Admin.DeployAsync(request, Operation(operation));
    }

    /// <summary>A service of one component.</summary>
    public static ServiceSpec Spec(string name, Action<ServiceSpec>? change = null)
    {
        var spec = new ServiceSpec
        {
            Name = name,
            Active = true,
            Tier = "worker",
            Components = { new ComponentSpec { Name = name, Image = "registry.example.net/app:v1", Restart = "unless-stopped" } },
        };
        change?.Invoke(spec);
        return spec;
    }

    public static CallOptions Operation(string? id = null) =>
        new(new Metadata { { CallMetadata.Operation, id ?? OperationId.New(TimeProvider.System).Value } }, DateTime.UtcNow.AddSeconds(60));

    /// <summary>Looks again and again until it is so; a deadline says what was waited for.</summary>
    public static async Task UntilAsync(Func<Task<bool>> isSo, string what)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            if (TimeProvider.System.GetElapsedTime(deadline) > TimeSpan.FromSeconds(60))
                throw new TimeoutException($"waited for: {what}");
            await Task.Delay(20);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var channel in _channels)
            channel.Dispose();
        await Host.DisposeAsync();
        foreach (var agent in _agents)
            await agent.DisposeAsync();
        _folder.Dispose();
    }

    private Task<MasterHost> StartHostAsync() => MasterHost.StartAsync(Configuration, Clock, NullLoggerFactory.Instance, CancellationToken.None);
}
