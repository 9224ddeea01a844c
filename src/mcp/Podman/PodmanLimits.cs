namespace Mcp.Podman;

/// <summary>What a call may take before it counts as failed. One podman serves all services of a node: nothing here is unbounded.</summary>
internal sealed record PodmanLimits
{
    /// <summary>Connecting to the socket. Under <c>podman.socket</c> the first connection starts the service.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Reading calls: list, inspect, exists. Measured: 1 to 14 ms; podman waits on its storage lock under load.</summary>
    public TimeSpan Read { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Changing calls: create, start, rename, remove; a create may have to copy an image's root on slow storage drivers.</summary>
    public TimeSpan Change { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>What a stop may take beyond the grace given to the container.</summary>
    public TimeSpan StopBeyondGrace { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Image load and import, from the first byte to the answer; the caller's token may end them earlier.</summary>
    public TimeSpan Load { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How long a pull may say nothing. Podman prints a line per layer, not per byte: one large layer is a long silence.</summary>
    public TimeSpan PullSilence { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>A stream that is silent this long gets podman pinged on another connection: a hung podman looks just like a quiet container.</summary>
    public TimeSpan SilenceProbe { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Bytes of one JSON answer. A list of 1,000 containers has about 1.5 MB.</summary>
    public int AnswerBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Bytes of one line in a stream of JSON lines (pull, events).</summary>
    public int StreamLineBytes { get; init; } = 256 * 1024;

    /// <summary>Bytes of one log line; the rest of a longer one is dropped and the line marked.</summary>
    public int LogLineBytes { get; init; } = 64 * 1024;
}
