using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Names;

namespace Mcp.Tests.Certificates;

internal sealed class FleetAuthorityTests : IDisposable
{
    private const string Domain = "fleet.example", Zone = "svc.fleet.example";

    private readonly TemporaryFolder _folder = new();
    private readonly TestClock _clock = new();

    public void Dispose() => _folder.Dispose();

    [Test]
    public async Task The_folder_holds_only_secrets_and_opens_again()
    {
        using var authority = Create();
        foreach (var file in Directory.GetFiles(_folder["ca"]))
            await Assert.That(File.GetUnixFileMode(file)).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await Assert.That(File.GetUnixFileMode(_folder["ca"])).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using var again = FleetAuthority.Open(_folder["ca"], Domain, _clock);
        await Assert.That(again.RootSha256).IsEqualTo(authority.RootSha256);
        await Assert.That(again.Describe().Select(d => d.Name)).IsEquivalentTo(["root", "identity", "names"]);
    }

    [Test]
    public async Task A_creation_killed_at_any_file_is_begun_afresh()
    {
        // What a kill leaves: a neighbour with none, some or all files, and perhaps the empty folder of an installer.
        for (var files = 0; files <= 3; files++)
        {
            var left = Directory.CreateDirectory(_folder[$".ca.{files}.new"]);
            foreach (var name in new[] { "root.pem", "identity.pem", "names.pem" }.Take(files))
                await File.WriteAllTextAsync(Path.Combine(left.FullName, name), "half");
        }
        Directory.CreateDirectory(_folder["ca"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await Assert.That(FleetAuthority.Exists(_folder["ca"])).IsFalse();

        using var authority = Create();
        await Assert.That(Directory.GetFileSystemEntries(_folder.Path).Select(f => Path.GetFileName(f)!)).IsEquivalentTo(["ca"]);
    }

    [Test]
    public async Task A_second_creation_is_refused()
    {
        using var authority = Create();
        await Assert.That(() => Create()).Throws<McpException>();
    }

    [Test]
    public async Task Another_domain_or_a_wide_mode_is_refused()
    {
        Create().Dispose();
        await Assert.That(() => FleetAuthority.Open(_folder["ca"], "other.example", _clock)).Throws<McpException>();
        File.SetUnixFileMode(_folder["ca/root.pem"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        var refused = await Assert.That(() => FleetAuthority.Open(_folder["ca"], Domain, _clock)).Throws<McpException>();
        await Assert.That(refused!.Hint!).StartsWith("chmod 0600 ");
    }

    [Test]
    public async Task An_identity_is_what_the_contract_says()
    {
        using var authority = Create();
        using var key = IdentityKey.Create();
        var issued = authority.IssueIdentity(new(PrincipalKind.Agent, "orion"), key.CreateRequest(), Lifetimes.Machine);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(Encoding.ASCII.GetString(issued.ChainPem));
        await Assert.That(chain.Count).IsEqualTo(2);
        var names = CertificateNames.Read(chain[0])!;
        await Assert.That(names.Uris).IsEquivalentTo([$"spiffe://{Domain}/agent/orion"]);
        await Assert.That(names.DnsNames.Count + names.Others).IsEqualTo(0);
        await Assert.That(issued.KeySha256).IsEqualTo(key.KeySha256);
        var now = _clock.GetUtcNow();
        await Assert.That(issued.NotBefore).IsLessThan(now - TimeSpan.FromMinutes(59));
        await Assert.That(issued.NotAfter - now).IsGreaterThan(TimeSpan.FromDays(89.9)).And.IsLessThan(TimeSpan.FromDays(90.1));
        await Assert.That(Verify(authority, chain).Principal).IsEqualTo(new Principal(PrincipalKind.Agent, "orion"));
    }

    [Test]
    public async Task Only_the_key_of_a_request_is_taken()
    {
        using var authority = Create();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var request = new CertificateRequest("CN=master", key, HashAlgorithmName.SHA256);
        var wished = new SubjectAlternativeNameBuilder();
        wished.AddUri(new Uri($"spiffe://{Domain}/master/mcp-master"));
        request.CertificateExtensions.Add(wished.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var issued = authority.IssueIdentity(new(PrincipalKind.Human, "alice"), request.CreateSigningRequest(), Lifetimes.Human);
        var leaf = X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(issued.ChainPem));
        await Assert.That(CertificateNames.Read(leaf)!.Uris).IsEquivalentTo([$"spiffe://{Domain}/human/alice"]);
        await Assert.That(leaf.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority).IsFalse();
    }

    [Test]
    public async Task Weak_foreign_or_forged_requests_are_refused()
    {
        using var authority = Create();
        using var rsa = RSA.Create(2048);
        using var p521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        using var good = IdentityKey.Create();
        var forged = good.CreateRequest();
        forged[^1] ^= 1;
        byte[][] requests =
        [
            new CertificateRequest("CN=x", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequest(),
            new CertificateRequest("CN=x", p521, HashAlgorithmName.SHA256).CreateSigningRequest(),
            forged, [], [0x30, 0x80, 1, 2], [.. good.CreateRequest(), 0], new byte[64 * 1024],
        ];
        foreach (var request in requests)
        {
            var refused = await Assert.That(() => authority.IssueIdentity(new(PrincipalKind.Human, "alice"), request, Lifetimes.Human)).Throws<McpException>();
            await Assert.That(refused!.Code).IsEqualTo(FaultCode.InvalidArgument);
        }
    }

    [Test]
    public async Task A_persons_chain_of_renewals_ends()
    {
        using var authority = Create();
        using var key = IdentityKey.Create();
        var cap = _clock.GetUtcNow().AddDays(3);
        var issued = authority.IssueIdentity(new(PrincipalKind.Human, "alice"), key.CreateRequest(), Lifetimes.Human, cap);
        await Assert.That(issued.NotAfter).IsLessThanOrEqualTo(cap);
        var refused = await Assert.That(() => authority.IssueIdentity(
            new(PrincipalKind.Human, "alice"), key.CreateRequest(), Lifetimes.Human, _clock.GetUtcNow().AddDays(-1))).Throws<McpException>();
        await Assert.That(refused!.Code).IsEqualTo(FaultCode.FailedPrecondition);
    }

    [Test]
    public async Task Intermediates_are_renewed_at_a_third_left_and_old_certificates_stay_good()
    {
        _clock.Offset = TimeSpan.FromDays(-2 * 365.25 - 10);
        using var authority = Create();
        await Assert.That(authority.RenewIntermediates()).IsFalse();
        var before = authority.Describe();
        using var key = IdentityKey.Create();
        _clock.Offset = TimeSpan.FromDays(-20);
        var old = authority.IssueIdentity(new(PrincipalKind.Agent, "orion"), key.CreateRequest(), Lifetimes.Machine);
        _clock.Offset = TimeSpan.Zero;

        await Assert.That(authority.RenewIntermediates()).IsTrue();
        await Assert.That(authority.RenewIntermediates()).IsFalse();
        var after = authority.Describe();
        await Assert.That(after[0]).IsEqualTo(before[0]);
        await Assert.That(after[1].Serial).IsNotEqualTo(before[1].Serial);
        await Assert.That(after[2].Serial).IsNotEqualTo(before[2].Serial);
        using var reopened = FleetAuthority.Open(_folder["ca"], Domain, _clock);
        await Assert.That(reopened.Describe()).IsEquivalentTo(after);

        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(Encoding.ASCII.GetString(old.ChainPem));
        await Assert.That(Verify(reopened, chain).State).IsEqualTo(IdentityState.Valid);
    }

    [Test]
    public async Task Names_are_limited_to_zone_and_allowed_domains()
    {
        using var authority = Create("example.net");
        using var key = IdentityKey.Create();
        var issued = authority.IssueNames([Hostname.Parse($"notes.{Zone}"), Hostname.Parse("www.example.net")], key.CreateRequest(), TimeSpan.FromDays(90));
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(Encoding.ASCII.GetString(issued.ChainPem));
        await Assert.That(Chain(authority, chain)).IsTrue();
        // A names certificate is never a principal, whatever it says.
        await Assert.That(Verify(authority, chain).State).IsEqualTo(IdentityState.Untrusted);

        foreach (var foreign in new[] { "evilexample.net", "example.org", "fleet.example" })
            await Assert.That(() => authority.IssueNames([Hostname.Parse(foreign)], key.CreateRequest(), TimeSpan.FromDays(90))).Throws<McpException>();
        await Assert.That(() => authority.IssueNames([], key.CreateRequest(), TimeSpan.FromDays(90))).Throws<McpException>();
    }

    [Test]
    public async Task The_names_intermediate_follows_the_allowed_domains()
    {
        using var authority = Create("example.net");
        await Assert.That(authority.ConstrainNames(Zone, ["example.net"])).IsFalse();
        await Assert.That(authority.ConstrainNames(Zone, ["example.net", "example.org"])).IsTrue();
        using var key = IdentityKey.Create();
        var issued = authority.IssueNames([Hostname.Parse("a.example.org")], key.CreateRequest(), TimeSpan.FromDays(90));
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(Encoding.ASCII.GetString(issued.ChainPem));
        await Assert.That(Chain(authority, chain)).IsTrue();
    }

    [Test]
    public async Task The_names_intermediate_cannot_speak_beyond_its_constraints()
    {
        // The check in IssueNames is the first wall; the constraint in the certificate is the one that other verifiers see.
        Create("example.net").Dispose();
        using var names = Authority.Load(_folder["ca/names.pem"]);
        using var authority = FleetAuthority.Open(_folder["ca"], Domain, _clock);
        await Assert.That(Chain(authority, Sign(names, b => b.AddDnsName("a.example.net")))).IsTrue();
        await Assert.That(Chain(authority, Sign(names, b => b.AddDnsName("evilexample.net")))).IsFalse();
        await Assert.That(Chain(authority, Sign(names, b => b.AddIpAddress(System.Net.IPAddress.Loopback)))).IsFalse();
        await Assert.That(Chain(authority, Sign(names, b => b.AddUri(new Uri($"spiffe://{Domain}/master/mcp-master"))))).IsFalse();
    }

    private FleetAuthority Create(params string[] allowed) => FleetAuthority.Create(_folder["ca"], Domain, Zone, allowed, _clock);

    private VerifiedIdentity Verify(FleetAuthority authority, X509Certificate2Collection chain) =>
        IdentityVerifier.Verify(chain[0], [.. chain.Skip(1)], authority.Bundle, Domain, _clock.GetUtcNow());

    private X509Certificate2Collection Sign(Authority authority, Action<SubjectAlternativeNameBuilder> names)
    {
        using var key = IdentityKey.Create();
        var request = new CertificateRequest(new X500DistinguishedName([0x30, 0]), key.Key, HashAlgorithmName.SHA256);
        var builder = new SubjectAlternativeNameBuilder();
        names(builder);
        CertificateProfile.AddLeaf(request, builder.Build(critical: true), CertificateProfile.ServerAuthentication);
        var now = _clock.GetUtcNow();
        return [authority.Sign(request, now, now.AddDays(30)), authority.Certificate];
    }

    private static bool Chain(FleetAuthority authority, X509Certificate2Collection certificates)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authority.Bundle.Roots);
        chain.ChainPolicy.ExtraStore.AddRange(certificates);
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificates[0]);
    }
}
