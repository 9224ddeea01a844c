using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Agent.Identity;

/// <summary>What <c>mcp agent join</c> was told.</summary>
internal sealed record AgentJoinOrder
{
    /// <summary>host:port of the master.</summary>
    public required string MasterAddress { get; init; }

    /// <summary>The text of the join token.</summary>
    public required string Token { get; init; }

    /// <summary>host:port where the master reaches this agent.</summary>
    public required string Address { get; init; }

    /// <summary>The agent's own folder; <c>/srv/mcp</c> by default.</summary>
    public string Home { get; init; } = "/srv/mcp";

    /// <summary>[data] root; left out of the file when it is the default.</summary>
    public string DataRoot { get; init; } = "/srv";

    /// <summary>[server] grpc_addr; null: the default.</summary>
    public string? Listen { get; init; }

    /// <summary>[server] socket; null: the default.</summary>
    public string? Socket { get; init; }

    /// <summary>[podman] socket; null: the default.</summary>
    public string? PodmanSocket { get; init; }
}

/// <summary>How a join ended.</summary>
internal sealed record JoinedAgent(string Node, string Role, string Fleet, string Domain, string ConfigurationPath, DateTimeOffset Expires);

/// <summary>
/// Joins this node to a fleet. The joiner sends nothing secret before it knows whom it speaks to: 1 the root, fetched over an unverified connection,
/// must have the hash in the token; 2 the peer on that very connection must be <c>master/mcp-master</c> under that root; 3 the new key is on disk;
/// 4 Join with token and certificate request, over a verified channel; 5 roots, certificate and configuration, durably, in this order, so that
/// a kill leaves a join that can be repeated: the same key gets the same answer for as long as the token lives. Private keys never travel.
/// </summary>
internal static class AgentJoin
{
    /// <summary>Joins, or repeats a join that was cut off.</summary>
    /// <exception cref="McpException">The token, the master or the files do not allow it.</exception>
    public static async Task<JoinedAgent> RunAsync(AgentJoinOrder order, Action<string> say, TimeProvider clock, CancellationToken ct)
    {
        if (!JoinToken.TryParse(order.Token, out var token))
        {
            throw new McpException(FaultCode.InvalidArgument, "this is not a join token")
            {
                Hint = "mcp node add <name> --role <role> prints one; give it on standard input or with --token-file",
            };
        }
        var configuration = Path.Combine(order.Home, "mcp-agent.toml");
        var certificates = Path.Combine(order.Home, "certs");
        var file = new CredentialFile(Path.Combine(certificates, "agent.pem"));
        RequireNotJoined(file, order);

        say($"asking {order.MasterAddress} for the fleet's root");
        var fleet = await PinnedFleet.FetchAsync(order.MasterAddress, token.RootSha256, clock, ct);
        say($"the root is the one that the token names; {order.MasterAddress} is the master of {fleet.Domain}");

        SecretFile.EnsureFolder(order.Home);
        using var key = file.PendingKey();
        using var channel = PeerChannel.Open([order.MasterAddress], Principal.TheMaster, null, new TrustSource(fleet.Trust), fleet.Domain, clock);
        var answer = await new McpMasterService.McpMasterServiceClient(channel).JoinAsync(new JoinRequest
        {
            Token = token.Reveal(),
            CsrDer = ByteString.CopyFrom(key.CreateRequest()),
            Address = order.Address,
            Arch = NodeFacts.Arch,
            Version = ProgramVersion.Text,
        }, new Metadata { { CallMetadata.Operation, OperationId.New(clock).Value } }, cancellationToken: ct);
        if (answer.Kind != "agent" || !NodeName.TryParse(answer.Name, out var node, out _))
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the token is for {answer.Kind} {Mcp.Text.Printable.Line(answer.Name, 80)}, not for a node")
            {
                Hint = "mcp node add <name> --role <role> prints a node's token; mcp login takes a person's",
            };
        }
        // The roots first: with a certificate and no roots the agent could not start; with roots and no certificate join is simply repeated.
        DurableFile.Write(Path.Combine(certificates, "ca.pem"), TrustBundle.FromPem(answer.CaBundle.Span, "the master's bundle of roots").ToPem(), DurableFile.Public);
        if (answer.UpgradeKey.Length > 0 && !File.Exists(Path.Combine(order.Home, "upgrade.pub")))
            DurableFile.Write(Path.Combine(order.Home, "upgrade.pub"), answer.UpgradeKey.Span, DurableFile.Public);
        if (!File.Exists(configuration))
            DurableFile.Write(configuration, Encoding.UTF8.GetBytes(AgentConfigurationText.Write(order, node, answer)), DurableFile.Public);
        var credential = file.Install(key, answer.ChainPem.Span);
        say($"this node is {node} ({answer.Role}) of the fleet {answer.Fleet}; its certificate is valid until {credential.NotAfter:yyyy-MM-dd}");
        return new JoinedAgent(node.Value, answer.Role, answer.Fleet, answer.Domain, configuration, credential.NotAfter);
    }

    private static void RequireNotJoined(CredentialFile file, AgentJoinOrder order)
    {
        if (!file.Exists)
            return;
        throw new McpException(FaultCode.AlreadyExists, $"this node has joined already: {file.Path} exists")
        {
            Cause = $"it is {file.Load().Uri}",
            Hint = $"start the agent (mcp agent run); to join another fleet, move {order.Home} away first",
        };
    }
}
