using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Mcp.Certificates;
using Mcp.Cli.Configuration;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Cli.Connecting;

/// <summary>
/// Becomes an operator of a fleet:
/// 1 the master's root is fetched and its hash compared with the token's, and the peer verified as the master: until then nothing secret is sent;
/// 2 a key is made and written to disk; 3 the token and a request over that key are sent; 4 the roots, key and chain, and the configuration
/// are written in this order, so that a configuration never names files that are not there. Killed anywhere, the same command with the same
/// token goes on: the master answers the same key again.
/// </summary>
internal sealed class FleetLogin(TimeProvider clock, ConfigurationFolder folder)
{
    /// <summary>Nodes to write into a new configuration for <c>--direct</c>.</summary>
    public IReadOnlyList<DirectNode> Nodes { get; init; } = [];

    /// <summary>The configuration is written later, by <see cref="WriteConfiguration"/>: whoever sees it may begin to work.</summary>
    public bool Deferred { get; init; }

    /// <summary>Logs in and answers what the master said.</summary>
    /// <exception cref="McpException">The master is not the token's, or refused it, or this folder belongs to another fleet.</exception>
    public async Task<JoinResponse> RunAsync(string masterAddress, JoinToken token, CancellationToken cancel)
    {
        SecretFile.EnsureFolder(folder.Path);
        RefuseOtherFleet(token.RootSha256);
        var fleet = await PinnedFleet.FetchAsync(masterAddress, token.RootSha256, clock, cancel);

        var file = new CredentialFile(folder.CredentialFile);
        using var key = file.PendingKey();
        using var channel = PeerChannel.Open([masterAddress], Principal.TheMaster, null, new TrustSource(fleet.Trust), fleet.Domain, clock);
        var answer = await new McpMasterService.McpMasterServiceClient(channel).JoinAsync(
            new JoinRequest { Token = token.Reveal(), CsrDer = ByteString.CopyFrom(key.CreateRequest()), Version = ProgramVersion.Text },
            OperationCalls.Headers(OperationId.New(clock)), cancellationToken: cancel);
        if (answer.Kind != "human")
        {
            file.DropPendingKey();
            throw new McpException(FaultCode.InvalidArgument, $"this token is for the {answer.Kind} {answer.Name}, not for a person")
            {
                Hint = "on the node: mcp agent join " + masterAddress,
            };
        }
        var bundle = TrustBundle.FromPem(answer.CaBundle.Span, "the master's answer");
        DurableFile.Write(folder.TrustFile, bundle.ToPem(), DurableFile.Public);
        file.Install(key, answer.ChainPem.Span);
        if (!Deferred)
            WriteConfiguration(masterAddress);
        return answer;
    }

    /// <summary>Writes the configuration, unless there is one: the operator may have changed it.</summary>
    public void WriteConfiguration(string masterAddress)
    {
        Directory.CreateDirectory(Path.Combine(folder.Path, "services"));
        if (!folder.Exists)
            DurableFile.Write(folder.ConfigFile, Encoding.UTF8.GetBytes(ConfigurationText(masterAddress)), DurableFile.Secret);
    }

    /// <summary>A second fleet in the same folder would send the definitions of one to the other.</summary>
    private void RefuseOtherFleet(string rootSha256)
    {
        if (!File.Exists(folder.TrustFile))
            return;
        var known = TrustBundle.FromFile(folder.TrustFile).Roots.Select(r => Convert.ToHexStringLower(SHA256.HashData(r.RawData)));
        if (known.Contains(rootSha256))
            return;
        throw new McpException(FaultCode.AlreadyExists, $"{folder.Path} belongs to another fleet; the token is not of that one")
        {
            Hint = "keep them apart: mcp login --fleet <another-name> <master-address>",
        };
    }

    private string ConfigurationText(string masterAddress) => $"""
        # Written by 'mcp login'. Paths are relative to this folder.
        [master]
        address = "{masterAddress}"

        [tls]
        ca_cert = "ca.pem"

        [auth]
        cert = "human.pem"   # key and chain in one file, renewed on use
        key  = "human.pem"

        [services]
        dir = "services"     # one definition a service: services/<service>.toml

        # For 'mcp … --direct -n <node>', when the master is down; fallbacks are tried in order:
        {NodesText()}
        """;

    private string NodesText() => Nodes.Count == 0
        ? "# [[nodes]]\n# name      = \"orion\"\n# address   = \"10.0.0.7:9444\"\n# fallbacks = [\"203.0.113.7:9444\"]\n"
        : string.Concat(Nodes.Select(n => $"[[nodes]]\nname    = \"{n.Name}\"\naddress = \"{n.Addresses[0]}\"\n"));
}
