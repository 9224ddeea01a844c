using Mcp.Agent.Configuration;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Names;

namespace Mcp.Agent.Identity;

/// <summary>The node's certificate, the fleet's roots and the trust domain, as they lie on disk and are renewed while the agent runs.</summary>
internal sealed class FleetIdentity
{
    private readonly string _bundlePath;

    private FleetIdentity(CredentialFile file, CredentialSource credentials, TrustSource trust, string bundlePath, string domain)
    {
        File = file;
        Credentials = credentials;
        Trust = trust;
        _bundlePath = bundlePath;
        Domain = domain;
    }

    /// <summary>Key and chain.</summary>
    public CredentialFile File { get; }

    /// <summary>What this node presents.</summary>
    public CredentialSource Credentials { get; }

    /// <summary>The fleet's roots.</summary>
    public TrustSource Trust { get; }

    /// <summary>The fleet's trust domain.</summary>
    public string Domain { get; }

    /// <summary>Loads what join wrote.</summary>
    /// <exception cref="McpException">The node has not joined, or its files are damaged or another node's.</exception>
    public static FleetIdentity Open(AgentConfiguration configuration)
    {
        var file = new CredentialFile(configuration.TlsCertificate);
        if (!file.Exists)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"this node has not joined a fleet: {configuration.TlsCertificate} does not exist")
            {
                Hint = "mcp node add <name> --role <role> on the master's side, then mcp agent join <master-address> here",
            };
        }
        var credentials = CredentialSource.Open(file);
        var leaf = credentials.Current.Leaf;
        var domain = IdentityVerifier.ClaimedDomain(leaf) ?? throw Foreign(configuration, "it names no fleet");
        if (credentials.Current.Uri != Principal.AgentOf(NodeName.Parse(configuration.Name)).ToUri(domain))
            throw Foreign(configuration, $"it is {credentials.Current.Uri}");
        return new FleetIdentity(file, credentials, new TrustSource(TrustBundle.FromFile(configuration.CaCertificate)), configuration.CaCertificate, domain);
    }

    /// <summary>Takes a new bundle of roots from the master: on disk first, then in use. An empty or unreadable one changes nothing.</summary>
    /// <returns>Whether it was new.</returns>
    public bool TakeBundle(ReadOnlySpan<byte> pem)
    {
        if (pem.IsEmpty || pem.SequenceEqual(Trust.Current.ToPem()))
            return false;
        var bundle = TrustBundle.FromPem(pem, "the master's bundle of roots");
        if (bundle.ToPem().AsSpan().SequenceEqual(Trust.Current.ToPem()))
            return false;
        DurableFile.Write(_bundlePath, bundle.ToPem(), DurableFile.Public);
        Trust.Replace(bundle);
        return true;
    }

    private static McpException Foreign(AgentConfiguration configuration, string cause) =>
        new(FaultCode.FailedPrecondition, $"{configuration.TlsCertificate} is not the certificate of agent/{configuration.Name}")
        {
            Cause = cause,
            Hint = "check [node] name and [server] tls_cert in mcp-agent.toml; or join again: mcp agent join <master-address>",
        };
}
