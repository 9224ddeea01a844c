namespace Mcp.Podman;

/// <summary>What podman says a container does.</summary>
internal enum ContainerStatus
{
    /// <summary>A word this program does not know, or none.</summary>
    Unknown,

    /// <summary>Made and not started yet (created, configured, initialized).</summary>
    Created,

    /// <summary>Running, says podman; see <see cref="ContainerDetail.ConmonPid"/> for whether anybody watches it.</summary>
    Running,

    /// <summary>Frozen.</summary>
    Paused,

    /// <summary>Between the signal and the end.</summary>
    Stopping,

    /// <summary>Ended (exited, stopped).</summary>
    Exited,

    /// <summary>Being removed.</summary>
    Removing,
}

/// <summary>A container in a list. Every text is as podman gave it: not printable before <c>Printable</c>, and no proof of ownership.</summary>
internal sealed record ContainerSummary
{
    /// <summary>Full id, 64 hex digits.</summary>
    public required string Id { get; init; }

    /// <summary>First name.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the image at creation.</summary>
    public string Image { get; init; } = "";

    /// <summary>Id of the image, hex digits.</summary>
    public string ImageId { get; init; } = "";

    /// <summary>What it does.</summary>
    public ContainerStatus Status { get; init; }

    /// <summary>Labels, the image's included.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Published ports; those outside 1 to 65535 are left out.</summary>
    public IReadOnlyList<PublishedPort> Ports { get; init; } = [];

    /// <summary>Networks by name.</summary>
    public IReadOnlyList<string> Networks { get; init; } = [];

    /// <summary>When it was made; null when podman's word for it is not a time.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it was last started; null before.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The exit code of the last run.</summary>
    public int ExitCode { get; init; }

    /// <summary>Process id of the first process on the host; 0 when it does not run.</summary>
    public int Pid { get; init; }
}
