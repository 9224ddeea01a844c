using System.Security.Cryptography.X509Certificates;
using Mcp.Certificates;

namespace Mcp.Transport;

/// <summary>
/// The certificate that a client presented, kept with its connection. The handshake only proves that the client holds its key; what it is
/// worth is judged at every call, since time passes and roots change while connections live. Kept as bytes: read, it would be several times as large,
/// for every connection, and it is rarely looked at again.
/// </summary>
internal sealed class PresentedCertificate
{
    /// <summary>One intermediate is expected; a few more are looked at, and the rest of a hostile chain is not.</summary>
    private const int MaxIntermediates = 4;

    private readonly byte[] _leaf;
    private readonly List<byte[]> _extra = [];
    private volatile Verdict? _last;

    /// <summary>Copies what the handshake holds: TLS disposes its own objects when the callback returns.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">It cannot be read.</exception>
    public PresentedCertificate(X509Certificate certificate, X509Chain? chain)
    {
        _leaf = certificate.GetRawCertData();
        foreach (var other in chain?.ChainPolicy.ExtraStore.Take(MaxIntermediates) ?? [])
            _extra.Add(other.RawData);
        foreach (var der in _extra.Prepend(_leaf))
            X509CertificateLoader.LoadCertificate(der).Dispose();
    }

    /// <summary>What it is worth now. The chain is only built again when the bundle changed or the certificate's begin or end has passed.</summary>
    public VerifiedIdentity Judge(TrustBundle bundle, string domain, DateTimeOffset now)
    {
        var last = _last;
        if (last is null || !ReferenceEquals(last.Bundle, bundle) || last.Phase != PhaseOf(last.Identity, now))
        {
            var identity = Verify(bundle, domain, now);
            _last = last = new(bundle, identity, PhaseOf(identity, now));
        }
        return last.Identity;
    }

    private VerifiedIdentity Verify(TrustBundle bundle, string domain, DateTimeOffset now)
    {
        using var leaf = X509CertificateLoader.LoadCertificate(_leaf);
        X509Certificate2Collection extra = [.. _extra.Select(der => X509CertificateLoader.LoadCertificate(der))];
        try
        {
            return IdentityVerifier.Verify(leaf, extra, bundle, domain, now);
        }
        finally
        {
            foreach (var certificate in extra)
                certificate.Dispose();
        }
    }

    /// <summary>-1 before the certificate's time, 0 in it, 1 after it.</summary>
    private static int PhaseOf(VerifiedIdentity identity, DateTimeOffset now) => now < identity.NotBefore ? -1 : now > identity.NotAfter ? 1 : 0;

    private sealed record Verdict(TrustBundle Bundle, VerifiedIdentity Identity, int Phase);
}
