using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mcp.Certificates;
using Mcp.Names;

namespace Mcp.Tests.Certificates;

internal sealed class IdentityVerifierTests : IDisposable
{
    private const string Domain = "fleet.example";
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();
    private static readonly Oid[] Both = [CertificateProfile.ServerAuthentication, CertificateProfile.ClientAuthentication];

    private readonly Authority _root = Authority.NewRoot(Domain, Now.AddYears(-5));
    private readonly Authority _identity;
    private readonly Authority _names;
    private readonly TrustBundle _bundle;

    public IdentityVerifierTests()
    {
        _identity = Intermediate(CertificateProfile.IdentityAuthorityName(Domain), Now.AddDays(-100));
        _names = _root.NewIntermediate(CertificateProfile.NamesAuthorityName(Domain), CertificateProfile.NamesConstraints("svc." + Domain, []), [CertificateProfile.ServerAuthentication], Now.AddDays(-100));
        _bundle = TrustBundle.FromDer(_root.Certificate.RawData, "test");
    }

    public void Dispose()
    {
        _root.Dispose();
        _identity.Dispose();
        _names.Dispose();
    }

    [Test]
    public async Task A_good_identity_is_valid()
    {
        var verdict = Judge(Leaf(_identity, Uri("human/alice")), _identity);
        await Assert.That(verdict.State).IsEqualTo(IdentityState.Valid);
        await Assert.That(verdict.Principal).IsEqualTo(new Principal(PrincipalKind.Human, "alice"));
        await Assert.That(verdict.Problem).IsNull();
    }

    [Test]
    public async Task An_identity_past_its_time_is_expired_and_known()
    {
        var verdict = Judge(Leaf(_identity, Uri("agent/orion"), Now.AddDays(-95), Now.AddDays(-5)), _identity);
        await Assert.That(verdict.State).IsEqualTo(IdentityState.Expired);
        await Assert.That(verdict.Principal).IsEqualTo(new Principal(PrincipalKind.Agent, "orion"));
    }

    [Test]
    public async Task A_node_that_slept_longer_than_its_intermediate_lived_is_still_known()
    {
        using var old = Intermediate(CertificateProfile.IdentityAuthorityName(Domain), Now.AddYears(-4));
        var verdict = Judge(Leaf(old, Uri("agent/orion"), Now.AddYears(-3), Now.AddYears(-3).AddDays(90)), old);
        await Assert.That(verdict.State).IsEqualTo(IdentityState.Expired);
    }

    [Test]
    public async Task A_certificate_from_the_future_names_the_clock()
    {
        var verdict = Judge(Leaf(_identity, Uri("agent/orion"), Now.AddDays(2), Now.AddDays(5)), _identity);
        await Assert.That(verdict.State).IsEqualTo(IdentityState.Untrusted);
        await Assert.That(verdict.Problem!).Contains("clock");
    }

    [Test]
    public async Task What_is_not_exactly_one_identity_of_this_fleet_is_untrusted()
    {
        Action<SubjectAlternativeNameBuilder>[] bad =
        [
            _ => { },
            b => { b.AddUri(new(Uri("human/alice"))); b.AddUri(new(Uri("human/bob"))); },
            b => { b.AddUri(new(Uri("human/alice"))); b.AddDnsName("alice.example"); },
            b => { b.AddUri(new(Uri("human/alice"))); b.AddEmailAddress("alice@fleet.example"); },
            b => b.AddUri(new("spiffe://other.example/human/alice")),
            b => b.AddUri(new("spiffe://fleet.example.evil/human/alice")),
            b => b.AddUri(new("https://fleet.example/human/alice")),
            b => b.AddUri(new($"spiffe://{Domain}/root/alice")),
            b => b.AddUri(new($"spiffe://{Domain}/human/alice/x")),
            b => b.AddUri(new($"spiffe://{Domain}/human/Alice")),
            b => b.AddDnsName("human.alice"),
        ];
        for (var i = 0; i < bad.Length; i++)
        {
            var verdict = Judge(Leaf(_identity, bad[i]), _identity);
            await Assert.That((i, verdict.State, verdict.Principal)).IsEqualTo((i, IdentityState.Untrusted, null));
        }
    }

    [Test]
    public async Task A_chain_that_is_not_the_identity_chain_is_untrusted()
    {
        using var otherRoot = Authority.NewRoot(Domain, Now.AddDays(-10));
        using var otherIdentity = otherRoot.NewIntermediate(
            CertificateProfile.IdentityAuthorityName(Domain), CertificateProfile.IdentityConstraints(Domain), Both, Now.AddDays(-10));
        // An identity may not sign: one that tries stands where the intermediate should.
        var person = Leaf(_identity, Uri("human/alice"));
        (string Case, X509Certificate2 Leaf, X509Certificate2[] Sent)[] bad =
        [
            ("other root", Leaf(otherIdentity, Uri("human/alice")), [otherIdentity.Certificate]),
            ("other root sent along", Leaf(otherIdentity, Uri("human/alice")), [otherIdentity.Certificate, otherRoot.Certificate]),
            ("names intermediate", Leaf(_names, Uri("human/alice")), [_names.Certificate]),
            ("straight from the root", Leaf(_root, Uri("human/alice")), []),
            ("leaf alone", person, []),
            ("an authority", Leaf(_identity, Uri("human/alice"), authority: true), [_identity.Certificate]),
            ("server only", Leaf(_identity, Uri("human/alice"), usages: [CertificateProfile.ServerAuthentication]), [_identity.Certificate]),
            ("no usage of ours", Leaf(_identity, Uri("human/alice"), usages: [new Oid("1.3.6.1.5.5.7.3.4")]), [_identity.Certificate]),
            ("the intermediate itself", _identity.Certificate, []),
        ];
        foreach (var (name, leaf, sent) in bad)
        {
            var verdict = IdentityVerifier.Verify(leaf, [.. sent], _bundle, Domain, Now);
            await Assert.That((name, verdict.State, verdict.Principal)).IsEqualTo((name, IdentityState.Untrusted, null));
        }
    }

    [Test]
    public async Task Two_roots_are_trusted_while_one_replaces_the_other()
    {
        using var next = Authority.NewRoot(Domain, Now.AddDays(-1));
        var both = TrustBundle.FromPem([.. _bundle.ToPem(), .. TrustBundle.FromDer(next.Certificate.RawData, "test").ToPem()], "test");
        await Assert.That(both.Roots.Count).IsEqualTo(2);
        using var identity = next.NewIntermediate(CertificateProfile.IdentityAuthorityName(Domain), CertificateProfile.IdentityConstraints(Domain), Both, Now);
        await Assert.That(IdentityVerifier.Verify(Leaf(identity, Uri("human/a")), [identity.Certificate], both, Domain, Now).State).IsEqualTo(IdentityState.Valid);
        await Assert.That(IdentityVerifier.Verify(Leaf(_identity, Uri("human/a")), [_identity.Certificate], both, Domain, Now).State).IsEqualTo(IdentityState.Valid);
    }

    [Test]
    public async Task The_claimed_domain_is_read_from_an_identity_alone()
    {
        await Assert.That(IdentityVerifier.ClaimedDomain(Leaf(_identity, Uri("master/mcp-master")))).IsEqualTo(Domain);
        await Assert.That(IdentityVerifier.ClaimedDomain(Leaf(_identity, b => b.AddDnsName("a.example")))).IsNull();
    }

    private static string Uri(string principal) => $"spiffe://{Domain}/{principal}";

    private VerifiedIdentity Judge(X509Certificate2 leaf, Authority intermediate) =>
        IdentityVerifier.Verify(leaf, [intermediate.Certificate], _bundle, Domain, Now);

    private Authority Intermediate(X500DistinguishedName name, DateTimeOffset at) =>
        _root.NewIntermediate(name, CertificateProfile.IdentityConstraints(Domain), Both, at);

    private static X509Certificate2 Leaf(
        Authority issuer, string uri, DateTimeOffset? from = null, DateTimeOffset? to = null, bool authority = false, Oid[]? usages = null) =>
        Leaf(issuer, b => b.AddUri(new(uri)), from, to, authority, usages);

    private static X509Certificate2 Leaf(
        Authority issuer, Action<SubjectAlternativeNameBuilder> names, DateTimeOffset? from = null, DateTimeOffset? to = null, bool authority = false, Oid[]? usages = null)
    {
        using var key = IdentityKey.Create();
        var request = new CertificateRequest("O=test", key.Key, HashAlgorithmName.SHA256);
        var builder = new SubjectAlternativeNameBuilder();
        names(builder);
        if (authority)
            CertificateProfile.AddAuthority(request, 0);
        else
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        CertificateProfile.AddUsages(request, usages ?? Both);
        try
        {
            request.CertificateExtensions.Add(builder.Build());
        }
        catch (InvalidOperationException)
        {
            // No names at all: no extension.
        }
        return issuer.Sign(request, (from ?? Now) + Lifetimes.Backdate, to ?? Now.AddDays(30));
    }
}
