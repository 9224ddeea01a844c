using Google.Protobuf;
using Mcp.Certificates;
using Mcp.Cli.Configuration;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Cli.Connecting;

/// <summary>
/// Who the operator is: certificate, key and the fleet's roots. A human certificate lives 30 days and is renewed on use past half of that,
/// so whoever works with the fleet never notices; one that is expired can still be renewed for 90 days.
/// </summary>
internal sealed class HumanIdentity
{
    private static readonly TimeSpan RenewLimit = TimeSpan.FromSeconds(10);

    // Whoever types --direct knows that the master is away; it gets its chance, but nobody waits for it.
    private static readonly TimeSpan WithoutMaster = TimeSpan.FromSeconds(2);

    private readonly CommandContext _context;
    private readonly CliConfiguration _configuration;
    private readonly CredentialFile _file;
    private readonly CredentialSource _source;
    private readonly TrustSource _trust;

    private HumanIdentity(CommandContext context, CliConfiguration configuration, CredentialFile file)
    {
        _context = context;
        _configuration = configuration;
        _file = file;
        _source = CredentialSource.Open(file);
        _trust = new TrustSource(TrustBundle.FromFile(configuration.TrustFile));
        Domain = DomainOf(_source.Current, file.Path);
    }

    /// <summary>The fleet's trust domain, as the certificate names it.</summary>
    public string Domain { get; }

    /// <summary>Reads the identity, and renews it when it is past half of its life; <paramref name="withoutMaster"/>: it is expected to be down.</summary>
    /// <exception cref="McpException">It is missing, open to others, or expired for good.</exception>
    public static async Task<HumanIdentity> OpenAsync(CommandContext context, CliConfiguration configuration, bool withoutMaster, CancellationToken cancel)
    {
        var identity = new HumanIdentity(context, configuration, new CredentialFile(configuration.CredentialFile));
        await identity.RenewIfDueAsync(withoutMaster ? WithoutMaster : RenewLimit, cancel);
        return identity;
    }

    /// <summary>A channel to <paramref name="expected"/>, verified by identity wherever it lives.</summary>
    public PeerChannel Dial(IReadOnlyList<string> addresses, Principal expected) =>
        PeerChannel.Open(addresses, expected, _source, _trust, Domain, _context.Clock);

    private async Task RenewIfDueAsync(TimeSpan limit, CancellationToken cancel)
    {
        var current = _source.Current;
        var now = _context.Clock.GetUtcNow();
        if (now < current.NotBefore + (current.NotAfter - current.NotBefore) / 2)
            return;
        try
        {
            // The new key is on disk before the call (CredentialFile): a kill between here and the answer loses nothing.
            using var key = _file.PendingKey();
            using var channel = Dial([_configuration.MasterAddress], Principal.TheMaster);
            var answer = await new McpMasterService.McpMasterServiceClient(channel).RenewIdentityAsync(
                new RenewIdentityRequest { CsrDer = ByteString.CopyFrom(key.CreateRequest()) }, OperationCalls.Headers(OperationId.New(_context.Clock)),
                deadline: DateTime.UtcNow + limit, cancellationToken: cancel);
            _source.Replace(_file.Install(key, answer.ChainPem.Span));
        }
        catch (McpException e) when (now < current.NotAfter)
        {
            // Still valid: the master may be down, and --direct must work exactly then.
            _context.Reporter.Warning($"your certificate ({Output.Measures.Left(current.NotAfter.ToString("O"), _context.Clock)}) could not be renewed: {e.Message}");
        }
        catch (McpException e)
        {
            throw new McpException(e.Code, $"your certificate expired {Output.Measures.Ago(current.NotAfter.ToString("O"), _context.Clock)} and could not be renewed", e)
            {
                Cause = e.Message,
                Hint = $"mcp login {_configuration.MasterAddress}   (with a token from another admin, or on the master's node: mcp operator add <name>); until then root on a node needs no certificate: mcp ps --socket {FleetLink.AgentSocket}",
            };
        }
    }

    private static string DomainOf(Credential credential, string path)
    {
        if (Uri.TryCreate(credential.Uri, UriKind.Absolute, out var uri) && uri.Scheme == "spiffe")
            return uri.Host;
        throw new McpException(FaultCode.FailedPrecondition, $"{path} holds no certificate of a fleet") { Hint = "mcp login <master-address>" };
    }
}
