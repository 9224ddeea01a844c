using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mcp.Errors;

namespace Mcp.Certificates;

/// <summary>
/// A certificate request from elsewhere. Only its key is taken, and only after its signature proved that the sender holds it;
/// names, extensions and attributes in it are not looked at.
/// </summary>
internal sealed class SigningRequest
{
    /// <summary>A request over a P-384 key has about 400 bytes.</summary>
    private const int MaxBytes = 16 * 1024;

    private const string EllipticCurve = "1.2.840.10045.2.1", P256 = "1.2.840.10045.3.1.7", P384 = "1.3.132.0.34";

    private SigningRequest(PublicKey key) => Key = key;

    /// <summary>The key to certify.</summary>
    public PublicKey Key { get; }

    /// <summary>Lower-case hex SHA-256 of the SubjectPublicKeyInfo.</summary>
    public string KeySha256 => IdentityKey.Hash(Key.ExportSubjectPublicKeyInfo());

    /// <summary>Reads a PKCS #10 request in DER.</summary>
    /// <exception cref="McpException">It is not one, its signature is wrong, or its key is not P-256 or P-384.</exception>
    public static SigningRequest Read(ReadOnlySpan<byte> der)
    {
        if (der.Length > MaxBytes)
            throw Bad($"it has {der.Length} bytes; at most {MaxBytes} are read");
        try
        {
            // Loading checks the signature: without that a caller could ask for a certificate over somebody else's key.
            var request = CertificateRequest.LoadSigningRequest(
                der.ToArray(), HashAlgorithmName.SHA256, out var consumed, CertificateRequestLoadOptions.Default);
            if (consumed != der.Length)
                throw Bad("bytes follow the request");
            if (request.PublicKey.Oid.Value != EllipticCurve)
                throw Bad("its key is not an elliptic-curve key");
            using var key = request.PublicKey.GetECDsaPublicKey() ?? throw Bad("its key cannot be read");
            if (key.ExportParameters(includePrivateParameters: false).Curve.Oid?.Value is not (P256 or P384))
                throw Bad("its curve is neither P-256 nor P-384");
            return new SigningRequest(request.PublicKey);
        }
        catch (CryptographicException e)
        {
            throw Bad(e.Message);
        }
    }

    private static McpException Bad(string cause) => new(FaultCode.InvalidArgument, "the certificate request was refused") { Cause = cause };
}
