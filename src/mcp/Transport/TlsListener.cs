using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mcp.Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Mcp.Transport;

/// <summary>
/// TLS of a role's TCP listeners: 1.3 alone, the credential in force at each handshake, no resumption (a resumed session would skip the look at
/// the certificate), no renegotiation, no early data. A client certificate is asked for and never demanded: the handshake proves possession,
/// and the gate refuses with a gRPC status that says why, which a failed handshake cannot.
/// </summary>
internal static class TlsListener
{
    /// <summary>Handshakes that take longer belong to a slow-loris.</summary>
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Puts TLS on <paramref name="listen"/>; connections carry a <see cref="PresentedCertificate"/> afterwards if one was presented.</summary>
    public static void Use(ListenOptions listen, CredentialSource credentials, TrustSource trust) => listen.UseHttps(new TlsHandshakeCallbackOptions
    {
        HandshakeTimeout = HandshakeTimeout,
        OnConnection = context =>
        {
            var connection = context.Connection;
            connection.Features.Set(new OfferedTls(context.ClientHelloInfo.SslProtocols));
            return ValueTask.FromResult(new SslServerAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                ServerCertificateContext = credentials.Current.Context,
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                AllowTlsResume = false,
                AllowRenegotiation = false,
                ClientCertificateRequired = true,
                // The framework builds a chain before it asks us; it must not go to the network for what a stranger's certificate names.
                CertificateChainPolicy = ChainPolicy(trust.Current),
                RemoteCertificateValidationCallback = (_, certificate, chain, _) => certificate is null || Keep(connection, certificate, chain),
            });
        },
    });

    /// <summary>Leaves the verdict to the gate; a certificate that cannot even be read ends the handshake.</summary>
    private static bool Keep(ConnectionContext connection, X509Certificate certificate, X509Chain? chain)
    {
        try
        {
            connection.Features.Set(new PresentedCertificate(certificate, chain));
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    /// <summary>A chain policy that trusts the fleet's roots alone and downloads nothing; the verdict is <see cref="IdentityVerifier"/>'s.</summary>
    public static X509ChainPolicy ChainPolicy(TrustBundle bundle)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            DisableCertificateDownloads = true,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.AddRange(bundle.Roots);
        return policy;
    }
}
