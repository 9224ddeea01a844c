namespace Mcp.Podman;

/// <summary>
/// A <c>podman system service</c> of our own, for <c>mcp dev</c> and hosts without systemd: started as a child in a session of its own, started
/// again when it dies. Containers outlive it, since conmon watches them.
/// </summary>
internal sealed class PodmanService : IAsyncDisposable
{
    /// <summary>Starts it and returns when it answers.</summary>
    /// <exception cref="Errors.McpException">There is no podman, or it does not answer in time.</exception>
    public static Task<PodmanService> StartAsync(PodmanServiceOptions options, ILogger logger, CancellationToken ct) => throw new NotImplementedException();

    /// <summary>Stops the service; containers run on.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}

/// <summary>How the service is started.</summary>
internal sealed record PodmanServiceOptions
{
    /// <summary>Where it listens; its folder is created with mode 0700. A stale socket is removed.</summary>
    public required string SocketPath { get; init; }

    /// <summary>The program.</summary>
    public string Program { get; init; } = "podman";

    /// <summary>Arguments before <c>system service</c>, as <c>--root DIR</c>.</summary>
    public IReadOnlyList<string> GlobalArguments { get; init; } = [];
}
