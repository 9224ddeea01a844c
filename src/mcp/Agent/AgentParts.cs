using Mcp.Agent.Configuration;
using Mcp.Agent.Deploying;
using Mcp.Agent.Identity;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Alerts;
using Mcp.Operations;
using Mcp.Podman;
using Mcp.Sqlite;

namespace Mcp.Agent;

/// <summary>What the agent's capabilities share: one database, one podman, one lock per service. Built once by <see cref="AgentHost"/>.</summary>
internal sealed class AgentParts : IDisposable
{
    private readonly Database _database;

    /// <summary>Opens the registry and the node's key; podman is not asked anything yet.</summary>
    /// <param name="configuration">mcp-agent.toml.</param>
    /// <param name="clock">The clock of everything.</param>
    /// <param name="logging">Where it is logged.</param>
    /// <param name="podman">The node's podman.</param>
    /// <param name="fleet">The fleet's domain, for alerts.</param>
    /// <exception cref="Errors.McpException">The database or the key cannot be used.</exception>
    public AgentParts(AgentConfiguration configuration, TimeProvider clock, ILoggerFactory logging, PodmanClient podman, string fleet = "")
    {
        Configuration = configuration;
        Clock = clock;
        Logging = logging;
        Podman = podman;
        _database = AgentDatabase.Open(configuration.Database, clock);
        State = new StateStore(_database);
        Events = new EventStore(_database, configuration.Name, clock);
        Services = new ServiceStore(_database);
        Routes = new RouteStore(_database);
        Operations = new OperationStore(_database, clock);
        Deployments = new DeploymentStore(_database);
        Data = new DataStore(_database, clock);
        Swaps = new SwapStore(_database);
        Key = NodeKey.OpenOrCreate(configuration.OwnerKey);
        Folders = new DataFolders(configuration.DataRoot, Key, clock);
        Feed = new OperationFeed(clock);
        Runner = new OperationRunner(Feed, configuration.Name, clock);
        Locks = new ServiceLocks(clock);
        AlertSettings = new AlertSettings { Command = configuration.Monitor.AlertCommand, Cooldown = configuration.Monitor.Cooldown, Fleet = fleet, Node = configuration.Name };
        Alerts = new AlertBook(_database, AlertSettings, clock);
        Refused = new RefusedMaster(clock);
        Adopted = new AdoptionStore(_database);
        Containers = new OwnedContainers(podman, Adopted, configuration.Name, clock);
    }

    public AgentConfiguration Configuration { get; }

    public TimeProvider Clock { get; }

    public ILoggerFactory Logging { get; }

    public PodmanClient Podman { get; }

    public Database Database => _database;

    public StateStore State { get; }

    public EventStore Events { get; }

    public ServiceStore Services { get; }

    public RouteStore Routes { get; }

    public OperationStore Operations { get; }

    public DeploymentStore Deployments { get; }

    public DataStore Data { get; }

    public SwapStore Swaps { get; }

    public AdoptionStore Adopted { get; }

    public NodeKey Key { get; }

    public DataFolders Folders { get; }

    public OperationFeed Feed { get; }

    public OperationRunner Runner { get; }

    public ServiceLocks Locks { get; }

    public OwnedContainers Containers { get; }

    public StartProgress Start { get; } = new();

    public RefusedMaster Refused { get; }

    public AlertSettings AlertSettings { get; }

    public AlertBook Alerts { get; }

    /// <summary>The node's name.</summary>
    public string Node => Configuration.Name;

    /// <inheritdoc/>
    public void Dispose()
    {
        Runner.Dispose();
        _database.Dispose();
    }
}
