namespace Mcp.Podman;

/// <summary>How a <see cref="PodmanService"/> is started.</summary>
internal sealed record PodmanServiceOptions
{
    /// <summary>Where it listens (at most 107 bytes); its folder is created with mode 0700.</summary>
    public required string SocketPath { get; init; }

    /// <summary>The program: a path, or a name looked up in PATH.</summary>
    public string Program { get; init; } = "podman";

    /// <summary>Arguments before <c>system service</c>, as <c>--root DIR</c>.</summary>
    public IReadOnlyList<string> GlobalArguments { get; init; } = [];

    /// <summary>Variables on top of our own environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>What it must answer within after a start; the first start on a host makes databases and checks the kernel.</summary>
    public TimeSpan ReadyWithin { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The first pause before it is started again; doubles up to <see cref="LongestPause"/> while it keeps dying.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest pause before it is started again.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Having run this long, it counts as healthy and the pauses start over.</summary>
    public TimeSpan CountsAsHealthy { get; init; } = TimeSpan.FromMinutes(1);
}
