using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Names;
using Mcp.V1;

namespace Mcp.Transport;

/// <summary>
/// What a joiner knows after it has checked, by the root's hash in its token, whom it speaks to. Only now may it send the token, over a
/// <see cref="PeerChannel"/> with this trust.
/// </summary>
/// <param name="Trust">The root that the token names.</param>
/// <param name="Domain">The fleet's trust domain, as the master's verified certificate says.</param>
internal sealed record PinnedFleet(TrustBundle Trust, string Domain)
{
    /// <summary>
    /// Asks <paramref name="address"/> for the fleet's root and checks it: 1 a handshake that believes nothing yet and keeps what was presented
    /// (the root is not sent in one, and the joiner has none); 2 FleetRoot, a request without content; 3 the root's hash is the token's; 4 what
    /// was presented is <c>master/mcp-master</c> under that root. Nothing secret is sent before all four.
    /// </summary>
    /// <exception cref="McpException">It cannot be reached, or is not the master of the fleet that the token is for.</exception>
    public static async Task<PinnedFleet> FetchAsync(string address, string rootSha256, TimeProvider clock, CancellationToken ct)
    {
        var words = $"the master at {address}";
        var dialer = new PeerDialer([address], words);
        PresentedCertificate? presented = null;
        string? claimed = null;
        using var channel = GrpcChannel.ForAddress("https://mcp-master.master.invalid", ChannelLimits.Options(ChannelLimits.Handler(
            dialer.ConnectAsync, new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                CertificateChainPolicy = NoTrust(),
                RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
                {
                    if (certificate is not X509Certificate2 leaf)
                        return false;
                    claimed = IdentityVerifier.ClaimedDomain(leaf);
                    presented = new PresentedCertificate(leaf, chain);
                    return true;
                },
            })));
        var client = new McpMasterService.McpMasterServiceClient(new FaultInvoker(channel.CreateCallInvoker(), words));
        var root = (await client.FleetRootAsync(new FleetRootRequest(), deadline: DateTime.UtcNow.AddSeconds(30), cancellationToken: ct)).Der.ToByteArray();

        if (!CryptographicOperations.FixedTimeEquals(SHA256.HashData(root), Convert.FromHexString(rootSha256)))
        {
            throw new McpException(FaultCode.Unauthenticated, $"{words} belongs to another fleet than the token")
            {
                Cause = $"its root has the SHA-256 {TrustBundle.Pin(root)}, the token wants {rootSha256}",
                Hint = "nothing was sent; check the address, and that the token was copied whole",
            };
        }
        var trust = TrustBundle.FromDer(root, $"the root of {words}");
        if (claimed is null || presented is null)
            throw new McpException(FaultCode.Unauthenticated, $"{words} presented no identity of a fleet") { Hint = "nothing was sent; check the address" };
        var identity = presented.Judge(trust, claimed, clock.GetUtcNow());
        if (identity.State != IdentityState.Valid || identity.Principal != Principal.TheMaster)
        {
            throw new McpException(FaultCode.Unauthenticated, $"{address} is not the fleet's master but {identity.Principal?.ToString() ?? "unknown"}")
            {
                Cause = identity.Problem,
                Hint = "nothing was sent; check the address, and compare the clocks of both machines (date -u)",
            };
        }
        return new(trust, claimed);
    }

    /// <summary>No root at all: the framework's own verdict is not used here, and must not go to the network.</summary>
    private static X509ChainPolicy NoTrust() => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        DisableCertificateDownloads = true,
        RevocationMode = X509RevocationMode.NoCheck,
    };
}
