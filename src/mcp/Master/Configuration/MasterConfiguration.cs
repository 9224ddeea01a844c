using Mcp.Placement;

namespace Mcp.Master.Configuration;

/// <summary>
/// Everything in <c>mcp-master.toml</c>, with defaults filled in. Paths are absolute. <c>mcp dev</c> builds one in code; a master's comes
/// from <see cref="MasterConfigurationReader"/>.
/// </summary>
internal sealed record MasterConfiguration
{
    /// <summary>The port on which a master listens unless told otherwise.</summary>
    public const int DefaultPort = 9555;

    /// <summary>The master's own folder: database, certificates, CA, snapshots.</summary>
    public required string Home { get; init; }

    /// <summary>Where the gRPC server listens; ":9555" means every address.</summary>
    public IReadOnlyList<string> Listen { get; init; } = [":9555"];

    /// <summary>The Unix socket of root and of the master's own user; empty switches it off.</summary>
    public string Socket { get; init; } = "/run/mcp-master/master.sock";

    /// <summary>host:port at which agents and operators dial this master; goes into join commands and agent calls.</summary>
    public required string Address { get; init; }

    /// <summary>Key and chain of the master's identity, in one PEM file.</summary>
    public required string TlsCertificate { get; init; }

    /// <summary>The bundle of fleet roots.</summary>
    public required string CaCertificate { get; init; }

    /// <summary>The folder of the certificate authority.</summary>
    public required string CaFolder { get; init; }

    /// <summary>What people call the fleet.</summary>
    public required string FleetName { get; init; }

    /// <summary>Trust domain and base of names; cannot change later.</summary>
    public required string Domain { get; init; }

    /// <summary>Internal names of services lie under it.</summary>
    public required string Zone { get; init; }

    /// <summary>master.db.</summary>
    public required string Database { get; init; }

    /// <summary>"fleet"; "mcias" is refused as not built yet.</summary>
    public string IdentityProvider { get; init; } = "fleet";

    /// <summary>A public hostname must be one of these or lie under one.</summary>
    public IReadOnlyList<string> AllowedDomains { get; init; } = [];

    /// <summary>Where an edge may find backends; empty: exactly the address of the node that owns the placement.</summary>
    public IReadOnlyList<string> BackendCidrs { get; init; } = [];

    /// <summary>When given, only these nodes may register, in addition to having been added; empty: every node that was added.</summary>
    public IReadOnlyList<string> AllowedAgents { get; init; } = [];

    /// <summary>A Register beyond so many nodes is refused.</summary>
    public int MaxNodes { get; init; } = 16;

    /// <summary>Whether the master's own node is a worker, too.</summary>
    public ScheduleOnMaster ScheduleOnMaster { get; init; } = ScheduleOnMaster.Fallback;

    /// <summary>How long calls are waited for.</summary>
    public MasterTimeouts Timeouts { get; init; } = new();

    /// <summary>Where snapshots lie and how they are made and kept.</summary>
    public required SnapshotSettings Snapshots { get; init; }

    /// <summary>How long a moved service's old data is kept.</summary>
    public TimeSpan KeepSource { get; init; } = TimeSpan.FromDays(7);

    /// <summary>argv of what is run for a finding; empty: nothing.</summary>
    public IReadOnlyList<string> AlertCommand { get; init; } = [];

    /// <summary>The shortest time between two alerts of one kind about one thing.</summary>
    public TimeSpan AlertCooldown { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>"none"; the others are refused as not built yet.</summary>
    public string DnsProvider { get; init; } = "none";

    /// <summary>Nodes that are allowed from the start.</summary>
    public IReadOnlyList<BootstrapNode> Nodes { get; init; } = [];

    /// <summary>"debug", "info", "warning" or "error".</summary>
    public string LogLevel { get; init; } = "info";

    /// <summary>"text" or "json".</summary>
    public string LogFormat { get; init; } = "text";

    /// <summary>Where everything of a master under <paramref name="home"/> lies by default.</summary>
    public static MasterConfiguration At(string home, string fleet, string domain, string address) => new()
    {
        Home = home,
        Address = address,
        TlsCertificate = Path.Combine(home, "certs", "master.pem"),
        CaCertificate = Path.Combine(home, "certs", "ca.pem"),
        CaFolder = Path.Combine(home, "ca"),
        FleetName = fleet,
        Domain = domain,
        Zone = "svc." + domain,
        Database = Path.Combine(home, "master.db"),
        Snapshots = new SnapshotSettings(Path.Combine(home, "snapshots")),
    };
}

/// <summary>A row of <c>[[nodes]]</c>.</summary>
internal sealed record BootstrapNode(string Name, string Address, string Role);

/// <summary>These bound waiting, not moving.</summary>
internal sealed record MasterTimeouts
{
    /// <summary>One agent deploy.</summary>
    public TimeSpan Deploy { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>One edge route.</summary>
    public TimeSpan EdgeRoute { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>One health check of a node.</summary>
    public TimeSpan HealthCheck { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>One agent undeploy.</summary>
    public TimeSpan Undeploy { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The method of a snapshot.</summary>
    public TimeSpan Snapshot { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>Where snapshots lie, how often they are made, how many are kept, how often one is tried out.</summary>
internal sealed record SnapshotSettings(string Folder)
{
    /// <summary>Between two scheduled snapshots of a service.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How many scheduled ones are kept.</summary>
    public int Retain { get; init; } = 7;

    /// <summary>Between two drills.</summary>
    public TimeSpan Drill { get; init; } = TimeSpan.FromDays(7);
}
