using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mcp.Errors;
using Mcp.Files;

namespace Mcp.Certificates;

/// <summary>One signing certificate with its key: the root or an intermediate.</summary>
internal sealed class Authority : IDisposable
{
    private readonly ECDsa _key;

    private Authority(ECDsa key, X509Certificate2 certificate)
    {
        _key = key;
        Certificate = certificate;
    }

    /// <summary>The certificate, without its key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>UTC.</summary>
    public DateTimeOffset NotBefore => new(Certificate.NotBefore.ToUniversalTime(), TimeSpan.Zero);

    /// <summary>UTC.</summary>
    public DateTimeOffset NotAfter => new(Certificate.NotAfter.ToUniversalTime(), TimeSpan.Zero);

    /// <summary>A new self-signed root.</summary>
    public static Authority NewRoot(string domain, DateTimeOffset now)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(CertificateProfile.RootName(domain), key, HashAlgorithmName.SHA256);
        CertificateProfile.AddAuthority(request, pathLength: 1);
        var generator = X509SignatureGenerator.CreateForECDsa(key);
        return new(key, request.Create(request.SubjectName, generator, now - Lifetimes.Backdate, now + Lifetimes.Root, NewSerial()));
    }

    /// <summary>A new intermediate below this root, with a key of its own.</summary>
    public Authority NewIntermediate(X500DistinguishedName name, X509Extension constraints, Oid[] usages, DateTimeOffset now)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        CertificateProfile.AddAuthority(request, pathLength: 0);
        CertificateProfile.AddUsages(request, usages);
        request.CertificateExtensions.Add(constraints);
        return new(key, Sign(request, now, now + Lifetimes.Intermediate));
    }

    /// <summary>Signs <paramref name="request"/>; backdated, and never beyond this authority's own end.</summary>
    public X509Certificate2 Sign(CertificateRequest request, DateTimeOffset now, DateTimeOffset notAfter)
    {
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
        var begin = now - Lifetimes.Backdate < NotBefore ? NotBefore : now - Lifetimes.Backdate;
        var end = notAfter > NotAfter ? NotAfter : notAfter;
        return request.Create(Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), begin, end, NewSerial());
    }

    /// <summary>Stores key and certificate in one file of mode 0600, durably.</summary>
    /// <exception cref="McpException">The file system refused; an older file is untouched.</exception>
    public void Save(string path) => DurableFile.Write(
        path, Encoding.ASCII.GetBytes(_key.ExportPkcs8PrivateKeyPem() + "\n" + Certificate.ExportCertificatePem() + "\n"), DurableFile.Secret);

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="McpException">It is missing, open to others, or damaged.</exception>
    public static Authority Load(string path)
    {
        var pem = Encoding.ASCII.GetString(SecretFile.Read(path));
        try
        {
            var key = IdentityKey.FromPem(pem);
            var certificate = X509Certificate2.CreateFromPem(pem);
            if (IdentityKey.Hash(certificate.PublicKey.ExportSubjectPublicKeyInfo()) != key.KeySha256)
                throw new CryptographicException("the key is not the key of the certificate");
            return new(key.Key, certificate);
        }
        catch (CryptographicException e)
        {
            throw new McpException(FaultCode.DataLoss, $"the authority's file {path} is damaged", e)
            {
                Cause = e.Message,
                Hint = "restore the folder ca/ from a backup of the master's folder; without the root's key no node or operator can be added",
            };
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _key.Dispose();
        Certificate.Dispose();
    }

    /// <summary>128 random bits, positive and never zero (RFC 5280 §4.1.2.2).</summary>
    private static byte[] NewSerial()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)(serial[0] & 0x7f | 0x40);
        return serial;
    }
}
