namespace Mcp.Podman;

/// <summary>One container, inspected. Every text is as podman gave it: not printable before <c>Printable</c>, and no proof of ownership.</summary>
internal sealed record ContainerDetail
{
    /// <summary>Full id, 64 hex digits.</summary>
    public required string Id { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Id of the image, hex digits.</summary>
    public string ImageId { get; init; } = "";

    /// <summary>Name of the image at creation.</summary>
    public string Image { get; init; } = "";

    /// <summary>The digest the image had at creation, <c>sha256:…</c>.</summary>
    public string ImageDigest { get; init; } = "";

    /// <summary>What it does.</summary>
    public ContainerStatus Status { get; init; }

    /// <summary>Process id of the first process on the host; 0 when it does not run.</summary>
    public int Pid { get; init; }

    /// <summary>Process id of the conmon that watches it. Killed, the container runs on unwatched and podman still says Running.</summary>
    public int ConmonPid { get; init; }

    /// <summary>The exit code of the last run.</summary>
    public int ExitCode { get; init; }

    /// <summary>Whether the kernel killed it for memory.</summary>
    public bool OomKilled { get; init; }

    /// <summary>What the runtime said when it could not start it.</summary>
    public string Error { get; init; } = "";

    /// <summary>How often podman's restart policy started it again.</summary>
    public int RestartCount { get; init; }

    /// <summary><c>no</c>, <c>always</c>, <c>unless-stopped</c>, <c>on-failure</c>.</summary>
    public string Restart { get; init; } = "";

    /// <summary>When it was made.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>When it was last started; null before.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it last ended; null before.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Labels, the image's included.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Environment as <c>NAME=value</c>. May hold secrets: never printed.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>The command, without the entry point.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary><c>user[:group]</c>.</summary>
    public string User { get; init; } = "";

    /// <summary>Every mount, tmpfs apart.</summary>
    public IReadOnlyList<ContainerMount> Mounts { get; init; } = [];

    /// <summary>Mount points of tmpfs.</summary>
    public IReadOnlyList<string> Tmpfs { get; init; } = [];

    /// <summary>Published ports; those outside 1 to 65535 are left out.</summary>
    public IReadOnlyList<PublishedPort> Ports { get; init; } = [];

    /// <summary>Address by network.</summary>
    public IReadOnlyDictionary<string, string> Networks { get; init; } = new Dictionary<string, string>();

    /// <summary><c>bridge</c>, <c>host</c>, …</summary>
    public string NetworkMode { get; init; } = "";

    /// <summary>Whether the first process has a terminal; its log then has one stream only.</summary>
    public bool Terminal { get; init; }
}

/// <summary>A mount of a container.</summary>
/// <param name="Type"><c>bind</c> or <c>volume</c>.</param>
/// <param name="Name">The volume's name; empty for a bind mount.</param>
/// <param name="Source">The path on the host.</param>
/// <param name="Destination">The path in the container.</param>
/// <param name="ReadOnly">Whether the container may only read it.</param>
internal sealed record ContainerMount(string Type, string Name, string Source, string Destination, bool ReadOnly);
