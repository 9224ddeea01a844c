namespace Mcp.Definitions;

/// <summary>What a definition may ask of a node: the agent's <c>[policy]</c>. It holds against the master, too.</summary>
internal sealed record NodePolicy
{
    /// <summary>Paths outside the services' directories, as "/etc/ssl:ro"; what lies under one is allowed as well.</summary>
    public IReadOnlyList<string> HostPaths { get; init; } = [];

    /// <summary>Whether <c>network = "host"</c> is allowed.</summary>
    public bool HostNetwork { get; init; }

    /// <summary>Host ports that may be published on an address other than loopback.</summary>
    public IReadOnlyList<int> PublicPorts { get; init; } = [];

    /// <summary>TCP ports of the agent, the proxy and the master of this node, which no service may publish.</summary>
    public IReadOnlyList<int> OwnPorts { get; init; } = [];

    /// <summary>Where <c>/srv</c> of definitions lies on this node.</summary>
    public string DataRoot { get; init; } = "/srv";
}
