using Mcp.Definitions;

namespace Mcp.Agent.Configuration;

/// <summary>
/// Everything in <c>mcp-agent.toml</c>, with defaults filled in. Paths are absolute. <c>mcp dev</c> builds one in code; a node's comes
/// from <see cref="AgentConfigurationReader"/>.
/// </summary>
internal sealed record AgentConfiguration
{
    /// <summary>The node's name; the identity is <c>agent/&lt;name&gt;</c>.</summary>
    public required string Name { get; init; }

    /// <summary>"master", "worker" or "edge"; the master's own row decides where they differ.</summary>
    public required string Role { get; init; }

    /// <summary>host:port where the master calls this agent, an IP address.</summary>
    public required string Address { get; init; }

    /// <summary>Where the gRPC server listens; ":9444" means every address.</summary>
    public IReadOnlyList<string> Listen { get; init; } = [":9444"];

    /// <summary>The Unix socket of root and of the agent's own user; empty switches it off.</summary>
    public string Socket { get; init; } = "/run/mcp-agent/agent.sock";

    /// <summary>Chain and key of the identity, in one PEM file unless <see cref="TlsKey"/> names another.</summary>
    public required string TlsCertificate { get; init; }

    /// <summary>The private key; the same file as <see cref="TlsCertificate"/> by default.</summary>
    public required string TlsKey { get; init; }

    /// <summary>The bundle of fleet roots.</summary>
    public required string CaCertificate { get; init; }

    /// <summary>mcp.db.</summary>
    public required string Database { get; init; }

    /// <summary>host:port of the master; the database may know a newer one.</summary>
    public string? MasterAddress { get; init; }

    /// <summary>What <c>/srv</c> of a definition is on this node.</summary>
    public string DataRoot { get; init; } = "/srv";

    /// <summary>Podman's API socket.</summary>
    public required string PodmanSocket { get; init; }

    /// <summary>Whether this process starts <c>podman system service</c> on <see cref="PodmanSocket"/> and restarts it: under dev and without systemd.</summary>
    public bool OwnPodmanService { get; init; }

    /// <summary>Registry logins in the format of <c>podman login</c>; optional.</summary>
    public string? AuthFile { get; init; }

    /// <summary>"fleet"; "mcias" is refused as not built yet.</summary>
    public string IdentityProvider { get; init; } = "fleet";

    /// <summary>What definitions may ask of this node; holds against the master, too.</summary>
    public NodePolicy Policy { get; init; } = new();

    /// <summary>First and last host port of routes, both included.</summary>
    public (int First, int Last) Ports { get; init; } = (10000, 32000);

    /// <summary>What the edge agent checks by itself.</summary>
    public EdgeSettings Edge { get; init; } = new();

    /// <summary>Cadence and alerting of the monitor.</summary>
    public MonitorSettings Monitor { get; init; } = new();

    /// <summary>How long the start waits for the master's answer about ownership.</summary>
    public TimeSpan OwnershipWait { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>"debug", "info", "warning" or "error".</summary>
    public string LogLevel { get; init; } = "info";

    /// <summary>"text" or "json".</summary>
    public string LogFormat { get; init; } = "text";

    /// <summary>The agent's own folder: database, keys, configuration.</summary>
    public string Home => Path.GetDirectoryName(Database)!;

    /// <summary>The key behind the markers <c>.mcp-owner</c>; made at the first start, never leaves the node.</summary>
    public string OwnerKey => Path.Combine(Home, "owner.key");
}

/// <summary>The edge's own copy of what it may serve; written at join, changed only locally.</summary>
internal sealed record EdgeSettings(string Zone, IReadOnlyList<string> AllowedDomains, IReadOnlyList<string> BackendCidrs)
{
    /// <summary>Nothing is allowed.</summary>
    public EdgeSettings()
        : this("", [], [])
    {
    }
}

/// <summary>Cadence of the monitor how it alerts, and how long events are kept.</summary>
internal sealed record MonitorSettings
{
    /// <summary>Time between two full checks.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>argv of what is run for an alert; empty: nothing.</summary>
    public IReadOnlyList<string> AlertCommand { get; init; } = [];

    /// <summary>The shortest time between two alerts of one kind for one component.</summary>
    public TimeSpan Cooldown { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>This many exits inside <see cref="FlapWindow"/> are flapping.</summary>
    public int FlapThreshold { get; init; } = 3;

    /// <summary>See <see cref="FlapThreshold"/>.</summary>
    public TimeSpan FlapWindow { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long events are kept; those of the audit a year.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromDays(30);
}
