namespace Mcp.Definitions;

/// <summary>A service as a person wrote it: what was left out is null, nothing is filled in. <see cref="SpecBuilder"/> makes a spec of it.</summary>
internal sealed record ServiceDefinition
{
    /// <summary>The service's name; "" when missing.</summary>
    public string Name { get; init; } = "";

    /// <summary>"core" or "worker".</summary>
    public string? Tier { get; init; }

    /// <summary>The node that the service is pinned to.</summary>
    public string? Node { get; init; }

    /// <summary>false: the desired state is stopped.</summary>
    public bool? Active { get; init; }

    /// <summary>How the service's data is made ready for a snapshot.</summary>
    public SnapshotDefinition? Snapshot { get; init; }

    /// <summary>Paths outside the service's directory that its volumes may use, as "/etc/ssl:ro".</summary>
    public IReadOnlyList<string> AllowHostPaths { get; init; } = [];

    /// <summary>The containers.</summary>
    public IReadOnlyList<ComponentDefinition> Components { get; init; } = [];
}

/// <summary>The table <c>[snapshot]</c>.</summary>
internal sealed record SnapshotDefinition
{
    /// <summary>"grpc", "cli", "exec: …", "full".</summary>
    public string? Method { get; init; }

    /// <summary>Patterns relative to the service's directory.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>The component that grpc, cli and exec talk to.</summary>
    public string? Component { get; init; }
}

/// <summary>One table <c>[[components]]</c>; the keys are those of the contract §3.</summary>
internal sealed record ComponentDefinition
{
    /// <summary>The component's name; "" when missing.</summary>
    public string Name { get; init; } = "";

    /// <summary>The image reference; "" when missing.</summary>
    public string Image { get; init; } = "";

    /// <summary>"mcpnet" or "host"; absent is a network of the service's own.</summary>
    public string? Network { get; init; }

    /// <summary>"uid:gid" or names that the image knows.</summary>
    public string? User { get; init; }

    /// <summary>Podman's restart policy.</summary>
    public string? Restart { get; init; }

    /// <summary>"[address:]host:container[/udp]".</summary>
    public IReadOnlyList<string> Ports { get; init; } = [];

    /// <summary>"/srv/service/…:/in/container[:ro]".</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    /// <summary>Mount points of tmpfs.</summary>
    public IReadOnlyList<string> Scratch { get; init; } = [];

    /// <summary>The arguments of the image's entry point.</summary>
    public IReadOnlyList<string> Cmd { get; init; } = [];

    /// <summary>"KEY=value".</summary>
    public IReadOnlyList<string> Env { get; init; } = [];

    /// <summary>Files of KEY=value lines under the service's directory.</summary>
    public IReadOnlyList<string> EnvFiles { get; init; } = [];

    /// <summary>The table <c>[components.health]</c>.</summary>
    public HealthDefinition? Health { get; init; }

    /// <summary>The tables <c>[[components.routes]]</c>.</summary>
    public IReadOnlyList<RouteDefinition> Routes { get; init; } = [];
}

/// <summary>The table <c>[components.health]</c>.</summary>
internal sealed record HealthDefinition
{
    /// <summary>"tcp", "http", "grpc" or "exec".</summary>
    public string? Type { get; init; }

    /// <summary>The container's port.</summary>
    public int? Port { get; init; }

    /// <summary>For http.</summary>
    public string? Path { get; init; }

    /// <summary>Between two tries.</summary>
    public TimeSpan? Interval { get; init; }

    /// <summary>From the container's start until it must have answered.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>For exec.</summary>
    public IReadOnlyList<string> Cmd { get; init; } = [];
}

/// <summary>One table <c>[[components.routes]]</c>.</summary>
internal sealed record RouteDefinition
{
    /// <summary>The route's name within the component.</summary>
    public string? Name { get; init; }

    /// <summary>The listener port of the node's proxy.</summary>
    public int? Port { get; init; }

    /// <summary>"l4" or "l7".</summary>
    public string? Mode { get; init; }

    /// <summary>The port that the container listens on; absent: it is told by $PORT.</summary>
    public int? ContainerPort { get; init; }

    /// <summary>The name that leads here; absent: the service's own in the zone.</summary>
    public string? Hostname { get; init; }

    /// <summary>Whether an edge node serves the hostname to the world.</summary>
    public bool? Public { get; init; }

    /// <summary>Whether the container itself speaks TLS.</summary>
    public bool? BackendTls { get; init; }
}
