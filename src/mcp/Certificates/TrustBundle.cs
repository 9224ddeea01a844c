using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mcp.Errors;

namespace Mcp.Certificates;

/// <summary>
/// The roots that a fleet's certificates must reach; more than one while a root is being replaced, so it is a bundle everywhere.
/// Immutable.
/// </summary>
internal sealed class TrustBundle
{
    /// <summary>More roots or bytes than any rotation needs are refused: a bundle also arrives over the wire.</summary>
    private const int MaxRoots = 16, MaxBytes = 64 * 1024;

    private TrustBundle(X509Certificate2Collection roots) => Roots = roots;

    /// <summary>The roots, self-signed; do not change the collection.</summary>
    public X509Certificate2Collection Roots { get; }

    /// <summary>Reads one or more PEM certificates.</summary>
    /// <param name="pem">The text.</param>
    /// <param name="source">Where it comes from, for the error: a path or "the answer of master/mcp-master".</param>
    /// <exception cref="McpException">It holds none, too many, or something that is not a CA certificate.</exception>
    public static TrustBundle FromPem(ReadOnlySpan<byte> pem, string source)
    {
        if (pem.Length > MaxBytes)
            throw Bad(source, $"it has {pem.Length} bytes; at most {MaxBytes} are read");
        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPem(Encoding.ASCII.GetString(pem));
        }
        catch (CryptographicException e)
        {
            throw Bad(source, e.Message);
        }
        if (roots.Count is 0 or > MaxRoots)
            throw Bad(source, $"it holds {roots.Count} PEM certificates; 1 to {MaxRoots} are needed");
        foreach (var root in roots)
        {
            if (root.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault() is not { CertificateAuthority: true })
                throw Bad(source, $"{root.Subject} is not a certificate authority");
        }
        return new TrustBundle(roots);
    }

    /// <summary>Reads the PEM file <paramref name="path"/>.</summary>
    /// <exception cref="McpException">It is missing or not a bundle of roots.</exception>
    public static TrustBundle FromFile(string path)
    {
        try
        {
            return FromPem(File.ReadAllBytes(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the fleet's root certificates {path} could not be read", e)
            {
                Cause = e.Message,
                Hint = "mcp agent join (node) or mcp login (operator) writes this file; [tls] ca_cert names it",
            };
        }
    }

    /// <summary>A bundle of one root in DER, as FleetRoot answers.</summary>
    /// <exception cref="McpException">It is not a CA certificate.</exception>
    public static TrustBundle FromDer(ReadOnlySpan<byte> der, string source)
    {
        try
        {
            using var root = X509CertificateLoader.LoadCertificate(der);
            return FromPem(Encoding.ASCII.GetBytes(root.ExportCertificatePem()), source);
        }
        catch (CryptographicException e)
        {
            throw Bad(source, e.Message);
        }
    }

    /// <summary>Lower-case hex SHA-256 of a root in DER: what a join token carries.</summary>
    public static string Pin(ReadOnlySpan<byte> rootDer) => Convert.ToHexStringLower(SHA256.HashData(rootDer));

    /// <summary>The roots as PEM, one after another.</summary>
    public byte[] ToPem() => Encoding.ASCII.GetBytes(Roots.ExportCertificatePems() + "\n");

    private static McpException Bad(string source, string cause) =>
        new(FaultCode.InvalidArgument, $"{source} is not a bundle of root certificates") { Cause = cause };
}
