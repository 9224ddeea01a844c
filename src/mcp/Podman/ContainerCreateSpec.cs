namespace Mcp.Podman;

/// <summary>What a container is made of, as podman is told. Resolved by the agent; nothing is defaulted behind its back.</summary>
internal sealed record ContainerCreateSpec
{
    /// <summary>The container's name, unique on the node.</summary>
    public required string Name { get; init; }

    /// <summary>The image by id, so that a tag moved in between changes nothing.</summary>
    public required string ImageId { get; init; }

    /// <summary>Replaces the image's CMD (its ENTRYPOINT stays); empty keeps it.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>Environment on top of the image's own.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary><c>user[:group]</c>, by name or number; empty keeps the image's.</summary>
    public string User { get; init; } = "";

    /// <summary>
    /// Labels. Podman adds the image's labels for keys that are absent here, so pass them through <see cref="ImageDetail.ShadowLabels"/>.
    /// </summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Directories and files of the host.</summary>
    public IReadOnlyList<BindMount> Binds { get; init; } = [];

    /// <summary>Paths in the container that are memory, empty at every start.</summary>
    public IReadOnlyList<string> Tmpfs { get; init; } = [];

    /// <summary>Ports of the container that the host answers on; not with the host's network.</summary>
    public IReadOnlyList<PublishedPort> Ports { get; init; } = [];

    /// <summary>The network's name; null is the host's own network.</summary>
    public string? Network { get; init; }

    /// <summary>Other names under which the containers of the same network find this one.</summary>
    public IReadOnlyList<string> NetworkAliases { get; init; } = [];

    /// <summary><c>no</c>, <c>always</c>, <c>unless-stopped</c>, <c>on-failure</c> or <c>on-failure:N</c>.</summary>
    public string Restart { get; init; } = "no";

    /// <summary>Time between SIGTERM and SIGKILL when podman itself stops it; a stop through the client carries its own.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Where conmon starts the log file anew; a chatty service does not fill the disk.</summary>
    public long LogBytes { get; init; } = 64 * 1024 * 1024;
}

/// <summary>A path of the host inside the container.</summary>
/// <param name="Source">Absolute path on the host; it must exist.</param>
/// <param name="Destination">Absolute path in the container.</param>
/// <param name="ReadOnly">Whether the container may only read it.</param>
/// <param name="Relabel">On SELinux hosts: give it the shared container label. Only for the service's own directories, never for host paths.</param>
internal sealed record BindMount(string Source, string Destination, bool ReadOnly, bool Relabel = false);

/// <summary>One published port.</summary>
/// <param name="HostAddress">The address the host listens on; empty is all of them.</param>
/// <param name="HostPort">1 to 65535.</param>
/// <param name="ContainerPort">1 to 65535.</param>
/// <param name="Protocol"><c>tcp</c> or <c>udp</c>.</param>
internal sealed record PublishedPort(string HostAddress, int HostPort, int ContainerPort, string Protocol = "tcp");
