using Mcp.Names;

namespace Mcp.Certificates;

/// <summary>The fleet's certificate authority: a root and the intermediates <c>identity</c> and <c>names</c>, in a folder of mode 0700. Thread-safe.</summary>
internal sealed class FleetAuthority : IDisposable
{
    /// <summary>Whether <paramref name="folder"/> holds an authority; false after a first creation that was killed.</summary>
    public static bool Exists(string folder) => throw new NotImplementedException();

    /// <summary>Creates root and intermediates; killed at any line, the next call starts afresh and succeeds.</summary>
    /// <exception cref="Errors.McpException">The folder holds an authority already, or cannot be written.</exception>
    public static FleetAuthority Create(string folder, string domain, string zone, IReadOnlyList<string> allowedDomains, TimeProvider clock) =>
        throw new NotImplementedException();

    /// <summary>Opens an existing authority.</summary>
    /// <exception cref="Errors.McpException">It is missing, damaged, of another domain, or open to others.</exception>
    public static FleetAuthority Open(string folder, string domain, TimeProvider clock) => throw new NotImplementedException();

    /// <summary>The root, as every member of the fleet trusts it.</summary>
    public TrustBundle Bundle => throw new NotImplementedException();

    /// <summary>The root in DER: the answer of FleetRoot.</summary>
    public byte[] RootDer => throw new NotImplementedException();

    /// <summary>Lower-case hex SHA-256 of <see cref="RootDer"/>: what join tokens carry.</summary>
    public string RootSha256 => TrustBundle.Pin(RootDer);

    /// <summary>
    /// Certifies the key of a request as <paramref name="principal"/>. Nothing but the key is taken from the request.
    /// </summary>
    /// <param name="principal">Whom the certificate names; the caller has checked that the requester is it.</param>
    /// <param name="csrDer">PKCS #10 over a P-256 or P-384 key.</param>
    /// <param name="lifetime">From now; see <see cref="Lifetimes"/>.</param>
    /// <param name="notAfterCap">Not valid beyond this, as the end of a person's chain of renewals.</param>
    /// <exception cref="Errors.McpException">InvalidArgument: the request; FailedPrecondition: the cap is already past.</exception>
    public IssuedCertificate IssueIdentity(Principal principal, ReadOnlyMemory<byte> csrDer, TimeSpan lifetime, DateTimeOffset? notAfterCap = null) =>
        throw new NotImplementedException();

    /// <summary>Certifies the key of a request for DNS names, from the <c>names</c> intermediate. 90 days.</summary>
    /// <exception cref="Errors.McpException">InvalidArgument: the request, or a name outside zone and allowed domains.</exception>
    public IssuedCertificate IssueNames(IReadOnlyList<Hostname> names, ReadOnlyMemory<byte> csrDer, TimeSpan lifetime) => throw new NotImplementedException();

    /// <summary>Renews each intermediate that has a third of its life or less left; run daily. True when one was renewed.</summary>
    /// <exception cref="Errors.McpException">The new one could not be stored; the old one stays in force.</exception>
    public bool RenewIntermediates() => throw new NotImplementedException();

    /// <summary>Issues the names intermediate anew when zone or allowed domains differ from its constraints. True when it was.</summary>
    /// <exception cref="Errors.McpException">The new one could not be stored; the old one stays in force.</exception>
    public bool ConstrainNames(string zone, IReadOnlyList<string> allowedDomains) => throw new NotImplementedException();

    /// <summary>Root, identity and names certificates, for <c>mcp ca show</c> and findings; without their keys.</summary>
    public IReadOnlyList<AuthorityCertificate> Describe() => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}

/// <summary>A certificate of the authority itself, as operators see it.</summary>
/// <param name="Name">"root", "identity" or "names".</param>
/// <param name="Serial">Lower-case hex.</param>
/// <param name="NotBefore">UTC.</param>
/// <param name="NotAfter">UTC.</param>
internal sealed record AuthorityCertificate(string Name, string Serial, DateTimeOffset NotBefore, DateTimeOffset NotAfter);
