namespace Mcp.Cli.Configuration;

/// <summary>A node as <c>--direct</c> reaches it.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="Addresses">Its address and fallbacks, tried in order.</param>
internal sealed record DirectNode(string Name, IReadOnlyList<string> Addresses);

/// <summary>What <c>mcp.toml</c> says; every path is absolute.</summary>
internal sealed record CliConfiguration
{
    /// <summary>The folder it was read from.</summary>
    public required ConfigurationFolder Folder { get; init; }

    /// <summary><c>[master] address</c>: host:port.</summary>
    public required string MasterAddress { get; init; }

    /// <summary><c>[[nodes]]</c>.</summary>
    public IReadOnlyList<DirectNode> Nodes { get; init; } = [];

    /// <summary><c>[tls] ca_cert</c>: the fleet's roots.</summary>
    public required string TrustFile { get; init; }

    /// <summary><c>[auth] cert</c>: key and chain.</summary>
    public required string CredentialFile { get; init; }

    /// <summary><c>[services] dir</c>.</summary>
    public required string ServicesFolder { get; init; }
}
