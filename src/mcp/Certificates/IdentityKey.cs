using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mcp.Certificates;

/// <summary>A private P-256 key that never leaves this machine, and the request that asks for a certificate over it.</summary>
internal sealed class IdentityKey : IDisposable
{
    private IdentityKey(ECDsa key) => Key = key;

    /// <summary>The key itself.</summary>
    public ECDsa Key { get; }

    /// <summary>Lower-case hex SHA-256 of the SubjectPublicKeyInfo: by this the master knows a key again.</summary>
    public string KeySha256 => Hash(Key.ExportSubjectPublicKeyInfo());

    /// <summary>A new key, only in memory; see <see cref="CredentialFile.PendingKey"/> for one that survives a kill.</summary>
    public static IdentityKey Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>Reads a PKCS #8 or SEC 1 PEM.</summary>
    /// <exception cref="CryptographicException">It holds no EC key.</exception>
    public static IdentityKey FromPem(ReadOnlySpan<char> pem)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(pem);
            return new IdentityKey(key);
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            key.Dispose();
            throw new CryptographicException("no EC private key was found", e);
        }
    }

    /// <summary>The hash by which a public key is known.</summary>
    public static string Hash(ReadOnlySpan<byte> subjectPublicKeyInfo) => Convert.ToHexStringLower(SHA256.HashData(subjectPublicKeyInfo));

    /// <summary>A PKCS #10 request in DER. It names nobody: names come from the master's rows, only the key is taken.</summary>
    public byte[] CreateRequest() => new CertificateRequest("CN=mcp", Key, HashAlgorithmName.SHA256).CreateSigningRequest();

    /// <summary>The key as PKCS #8 PEM. A secret.</summary>
    public string ToPem() => Key.ExportPkcs8PrivateKeyPem() + "\n";

    /// <inheritdoc/>
    public void Dispose() => Key.Dispose();
}
