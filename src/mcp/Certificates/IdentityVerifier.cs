using System.Security.Cryptography.X509Certificates;
using Mcp.Names;

namespace Mcp.Certificates;

/// <summary>
/// Judges a presented certificate. A principal is accepted only when all of this holds:
/// 1 exactly one name, a URI <c>spiffe://DOMAIN/kind/name</c> of this fleet's domain;
/// 2 leaf, one intermediate, root: a chain to a root of the bundle, with the key usages of a client or server;
/// 3 the intermediate is an identity intermediate by its name; the names intermediate must never make a principal. Only the root signs
///   intermediates and each may sign leaves only (path length 0), so the name is as good as the root's word;
/// 4 the present time lies inside. What fails only this, by being too late, is Expired: it may still ask for its renewal.
/// Nothing is downloaded, and no system root counts.
/// </summary>
internal static class IdentityVerifier
{
    /// <summary>Never throws on hostile input: whatever is wrong ends in <see cref="IdentityState.Untrusted"/> with the reason.</summary>
    /// <param name="leaf">What was presented; possession of its key was proved by the handshake.</param>
    /// <param name="extra">The intermediates presented with it.</param>
    /// <param name="bundle">The fleet's roots.</param>
    /// <param name="domain">The fleet's trust domain.</param>
    /// <param name="now">The present time.</param>
    public static VerifiedIdentity Verify(X509Certificate2 leaf, X509Certificate2Collection extra, TrustBundle bundle, string domain, DateTimeOffset now)
    {
        var result = new VerifiedIdentity(
            IdentityState.Untrusted, null, CertificateNames.Serial(leaf), IdentityKey.Hash(leaf.PublicKey.ExportSubjectPublicKeyInfo()),
            new(leaf.NotBefore.ToUniversalTime(), TimeSpan.Zero), new(leaf.NotAfter.ToUniversalTime(), TimeSpan.Zero), null);

        if (CertificateNames.Read(leaf) is not { Uris: [var uri], DnsNames.Count: 0, Others: 0 })
            return result with { Problem = "the certificate does not carry exactly one name, a spiffe:// URI" };
        if (!Principal.TryParseUri(uri, domain, out var principal))
            return result with { Problem = $"the certificate's name is not an identity of the fleet {domain}" };
        if (leaf.Extensions.OfType<X509BasicConstraintsExtension>().Any(b => b.CertificateAuthority))
            return result with { Problem = "the certificate is an authority, not an identity" };

        if (now < result.NotBefore)
        {
            return result with
            {
                Problem = $"the certificate is valid only from {result.NotBefore:u}, and the clock here says {now:u}: one of the two clocks is wrong",
            };
        }
        var late = now > result.NotAfter;
        // A certificate whose time is over was genuine if its chain held while it was valid; its intermediate may be over by now, too.
        if (ChainProblem(leaf, extra, bundle, domain, late ? result.NotAfter.AddSeconds(-1) : now) is { } problem)
            return result with { Problem = problem };
        return late
            ? result with { State = IdentityState.Expired, Principal = principal, Problem = $"the certificate of {principal} expired on {result.NotAfter:u}; the clock here says {now:u}" }
            : result with { State = IdentityState.Valid, Principal = principal };
    }

    /// <summary>The domain that a certificate claims in its only URI, unverified; null when it claims none. For the joiner, who does not know it yet.</summary>
    public static string? ClaimedDomain(X509Certificate2 leaf)
    {
        const string scheme = "spiffe://";
        return CertificateNames.Read(leaf) is { Uris: [var uri], DnsNames.Count: 0, Others: 0 } && uri.StartsWith(scheme, StringComparison.Ordinal)
            && uri.IndexOf('/', scheme.Length) is > 0 and var slash && Hostname.TryParse(uri[scheme.Length..slash], out var domain, out _)
            ? domain.Value
            : null;
    }

    private static string? ChainProblem(
        X509Certificate2 leaf, X509Certificate2Collection extra, TrustBundle bundle, string domain, DateTimeOffset at)
    {
        using var chain = new X509Chain();
        var policy = chain.ChainPolicy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.CustomTrustStore.AddRange(bundle.Roots);
        policy.ExtraStore.AddRange(extra);
        policy.DisableCertificateDownloads = true;
        policy.RevocationMode = X509RevocationMode.NoCheck;
        policy.VerificationTimeIgnored = false;
        policy.VerificationTime = at.UtcDateTime;
        // Both usages: an identity serves and calls. A names certificate has server authentication alone.
        policy.ApplicationPolicy.Add(CertificateProfile.ClientAuthentication);
        policy.ApplicationPolicy.Add(CertificateProfile.ServerAuthentication);

        var good = chain.Build(leaf);
        try
        {
            if (!good)
                return "the certificate does not lead to this fleet's root: " + string.Join(", ", chain.ChainStatus.Select(s => s.Status).Distinct());
            if (chain.ChainElements.Count != 3)
                return $"the certificate's chain has {chain.ChainElements.Count} parts; leaf, identity intermediate and root are needed";
            return chain.ChainElements[1].Certificate.SubjectName.RawData.AsSpan().SequenceEqual(CertificateProfile.IdentityAuthorityName(domain).RawData)
                ? null
                : "the certificate was not issued by the fleet's identity intermediate";
        }
        finally
        {
            foreach (var element in chain.ChainElements)
            {
                if (!ReferenceEquals(element.Certificate, leaf))
                    element.Certificate.Dispose();
            }
        }
    }
}
