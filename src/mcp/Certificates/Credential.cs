using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mcp.Errors;

namespace Mcp.Certificates;

/// <summary>
/// A private key with its certificate and intermediates, ready for TLS. Never disposed by its users: handshakes in flight may still hold it;
/// the few that a process sees in its life are left to the collector.
/// </summary>
internal sealed class Credential
{
    private Credential(X509Certificate2 leaf, X509Certificate2Collection intermediates)
    {
        Leaf = leaf;
        Intermediates = intermediates;
        // Offline: with downloads allowed, the chain is completed over the network at every load.
        Context = SslStreamCertificateContext.Create(leaf, intermediates, offline: true);
        KeySha256 = IdentityKey.Hash(leaf.PublicKey.ExportSubjectPublicKeyInfo());
    }

    /// <summary>The certificate, with its private key.</summary>
    public X509Certificate2 Leaf { get; }

    /// <summary>What is sent along: everything between the leaf and the root.</summary>
    public X509Certificate2Collection Intermediates { get; }

    /// <summary>Leaf and intermediates as TLS sends them; <c>ClientCertificates</c> would send the leaf alone.</summary>
    public SslStreamCertificateContext Context { get; }

    /// <summary>Lower-case hex SHA-256 of the SubjectPublicKeyInfo.</summary>
    public string KeySha256 { get; }

    /// <summary>Lower-case hex.</summary>
    public string Serial => CertificateNames.Serial(Leaf);

    /// <summary>UTC.</summary>
    public DateTimeOffset NotBefore => new(Leaf.NotBefore.ToUniversalTime(), TimeSpan.Zero);

    /// <summary>UTC.</summary>
    public DateTimeOffset NotAfter => new(Leaf.NotAfter.ToUniversalTime(), TimeSpan.Zero);

    /// <summary>The identity's URI, <c>spiffe://domain/kind/name</c>, or null where the certificate has none.</summary>
    public string? Uri => CertificateNames.Read(Leaf) is { Uris: [var uri] } ? uri : null;

    /// <summary>Reads key, leaf and intermediates from one PEM text.</summary>
    /// <param name="pem">Key and chain.</param>
    /// <param name="source">Where the text comes from, for the error.</param>
    /// <exception cref="McpException">A part is missing or the key is not the leaf's.</exception>
    public static Credential FromPem(string pem, string source)
    {
        try
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(pem);
            if (chain.Count == 0)
                throw Bad(source, "it holds no certificate");
            using var key = IdentityKey.FromPem(pem);
            var leaf = chain[0];
            if (IdentityKey.Hash(leaf.PublicKey.ExportSubjectPublicKeyInfo()) != key.KeySha256)
                throw Bad(source, "the key is not the key of the certificate");
            chain.RemoveAt(0);
            return new Credential(leaf.CopyWithPrivateKey(key.Key), chain);
        }
        catch (CryptographicException e)
        {
            throw Bad(source, e.Message);
        }
    }

    /// <summary>Puts a key and the chain that was issued for it together.</summary>
    /// <exception cref="McpException">They do not fit.</exception>
    public static Credential From(IdentityKey key, ReadOnlySpan<byte> chainPem, string source) =>
        FromPem(key.ToPem() + Encoding.ASCII.GetString(chainPem), source);

    private static McpException Bad(string source, string cause) =>
        new(FaultCode.FailedPrecondition, $"{source} is not a usable key with its certificate chain") { Cause = cause };
}
