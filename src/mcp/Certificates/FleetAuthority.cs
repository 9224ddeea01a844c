using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Names;

namespace Mcp.Certificates;

/// <summary>
/// The fleet's certificate authority: a root and the intermediates <c>identity</c> (principals) and <c>names</c> (DNS names), one file each in a
/// folder of mode 0700. Thread-safe.
///
/// The folder appears whole or not at all: everything is written and made durable in a neighbouring folder that is then renamed. A kill before
/// the rename leaves a neighbour that the next creation removes; after it the authority exists.
/// </summary>
internal sealed class FleetAuthority : IDisposable
{
    private const string RootFile = "root.pem", IdentityFile = "identity.pem", NamesFile = "names.pem";

    private static readonly Oid[] IdentityUsages = [CertificateProfile.ServerAuthentication, CertificateProfile.ClientAuthentication];
    private static readonly Oid[] NamesUsages = [CertificateProfile.ServerAuthentication];

    private readonly Lock _change = new();
    private readonly string _folder, _domain;
    private readonly TimeProvider _clock;
    private readonly Authority _root;
    private volatile Authority _identity, _names;

    private FleetAuthority(string folder, string domain, TimeProvider clock)
    {
        _folder = folder;
        _domain = domain;
        _clock = clock;
        SecretFile.EnsureFolder(folder);
        _root = Authority.Load(Path.Combine(folder, RootFile));
        _identity = Authority.Load(Path.Combine(folder, IdentityFile));
        _names = Authority.Load(Path.Combine(folder, NamesFile));
        RootDer = _root.Certificate.RawData;
        Bundle = TrustBundle.FromDer(RootDer, Path.Combine(folder, RootFile));
    }

    /// <summary>The root, as every member of the fleet trusts it.</summary>
    public TrustBundle Bundle { get; }

    /// <summary>The root in DER: the answer of FleetRoot.</summary>
    public byte[] RootDer { get; }

    /// <summary>Lower-case hex SHA-256 of <see cref="RootDer"/>: what join tokens carry.</summary>
    public string RootSha256 => TrustBundle.Pin(RootDer);

    /// <summary>Whether <paramref name="folder"/> holds an authority; false after a first creation that was killed.</summary>
    public static bool Exists(string folder) => File.Exists(Path.Combine(folder, RootFile));

    /// <summary>Creates root and intermediates; killed at any line, the next call starts afresh and succeeds.</summary>
    /// <exception cref="McpException">The folder holds something already, or cannot be written.</exception>
    public static FleetAuthority Create(string folder, string domain, string zone, IReadOnlyList<string> allowedDomains, TimeProvider clock)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        var parent = Path.GetDirectoryName(folder)!;
        try
        {
            Directory.CreateDirectory(parent, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            {
                throw new McpException(FaultCode.AlreadyExists, $"the folder {folder} of the authority is not empty")
                {
                    Hint = "a fleet is created once; mcp master run uses what is there",
                };
            }
            var pattern = $".{Path.GetFileName(folder)}.*.new";
            foreach (var left in Directory.EnumerateDirectories(parent, pattern))
                Directory.Delete(left, recursive: true);

            var fresh = Path.Combine(parent, pattern.Replace("*", Guid.NewGuid().ToString("N"), StringComparison.Ordinal));
            SecretFile.EnsureFolder(fresh);
            var now = clock.GetUtcNow();
            using (var root = Authority.NewRoot(domain, now))
            {
                root.Save(Path.Combine(fresh, RootFile));
                using var identity = NewIdentity(root, domain, now);
                identity.Save(Path.Combine(fresh, IdentityFile));
                using var names = NewNames(root, domain, zone, allowedDomains, now);
                names.Save(Path.Combine(fresh, NamesFile));
            }
            // Each Save made its file and name durable; now the folder takes its name, then that is made durable, too.
            if (Directory.Exists(folder))
                Directory.Delete(folder);
            Directory.Move(fresh, folder);
            DurableFile.SyncFolder(parent);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new McpException(FaultCode.ResourceExhausted, $"the authority could not be created in {folder}", e)
            {
                Cause = e.Message,
                Hint = $"check the free space, the owner and the mode of {parent}, then try again",
            };
        }
        return Open(folder, domain, clock);
    }

    /// <summary>Opens an existing authority.</summary>
    /// <exception cref="McpException">It is missing, damaged, of another domain, or open to others.</exception>
    public static FleetAuthority Open(string folder, string domain, TimeProvider clock)
    {
        if (!Exists(folder))
        {
            throw new McpException(FaultCode.FailedPrecondition, $"there is no authority in {folder}")
            {
                Hint = "mcp master init --domain DOMAIN --address ADDRESS creates a fleet",
            };
        }
        var authority = new FleetAuthority(folder, domain, clock);
        authority.Check(authority._root, CertificateProfile.RootName(domain), RootFile);
        authority.Check(authority._identity, CertificateProfile.IdentityAuthorityName(domain), IdentityFile);
        authority.Check(authority._names, CertificateProfile.NamesAuthorityName(domain), NamesFile);
        return authority;
    }

    /// <summary>
    /// Certifies the key of a request as <paramref name="principal"/>. Nothing but the key is taken from the request.
    /// </summary>
    /// <param name="principal">Whom the certificate names; the caller has checked that the requester is it.</param>
    /// <param name="csrDer">PKCS #10 over a P-256 or P-384 key.</param>
    /// <param name="lifetime">From now; see <see cref="Lifetimes"/>.</param>
    /// <param name="notAfterCap">Not valid beyond this, as the end of a person's chain of renewals.</param>
    /// <exception cref="McpException">InvalidArgument: the request; FailedPrecondition: the cap is already past.</exception>
    public IssuedCertificate IssueIdentity(Principal principal, ReadOnlyMemory<byte> csrDer, TimeSpan lifetime, DateTimeOffset? notAfterCap = null)
    {
        var key = SigningRequest.Read(csrDer.Span);
        var now = _clock.GetUtcNow();
        if (notAfterCap <= now)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the renewals of {principal} ended on {notAfterCap:u}")
            {
                Hint = $"an admin runs: mcp operator add {principal.Name}; then mcp login",
            };
        }
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri(principal.ToUri(_domain)));
        var request = new CertificateRequest(CertificateProfile.LeafName(_domain, principal), key.Key, HashAlgorithmName.SHA256);
        CertificateProfile.AddLeaf(request, names.Build(), IdentityUsages);
        return Issue(_identity, request, now, notAfterCap < now + lifetime ? notAfterCap.Value : now + lifetime);
    }

    /// <summary>Certifies the key of a request for DNS names, from the <c>names</c> intermediate.</summary>
    /// <exception cref="McpException">InvalidArgument: the request, no name, or one that the intermediate may not speak for.</exception>
    public IssuedCertificate IssueNames(IReadOnlyList<Hostname> names, ReadOnlyMemory<byte> csrDer, TimeSpan lifetime)
    {
        var key = SigningRequest.Read(csrDer.Span);
        var authority = _names;
        var permitted = PermittedDomains(authority.Certificate);
        var builder = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (!permitted.Any(name.IsWithin))
            {
                throw new McpException(FaultCode.InvalidArgument, $"the fleet's authority does not speak for {name}")
                {
                    Cause = $"its names are limited to {string.Join(", ", permitted)}",
                    Hint = "add the domain to [edge] allowed_domains in mcp-master.toml",
                };
            }
            builder.AddDnsName(name.Value);
        }
        if (names.Count == 0)
            throw new McpException(FaultCode.InvalidArgument, "a certificate for DNS names needs at least one name");
        var request = new CertificateRequest(new X500DistinguishedName([0x30, 0x00]), key.Key, HashAlgorithmName.SHA256);
        // Without a subject the names must be critical (RFC 5280 §4.2.1.6).
        CertificateProfile.AddLeaf(request, builder.Build(critical: true), NamesUsages);
        var now = _clock.GetUtcNow();
        return Issue(authority, request, now, now + lifetime);
    }

    /// <summary>
    /// Renews each intermediate that has a third of its life or less left; run daily. Certificates issued before carry their old intermediate
    /// along and stay good. True when one was renewed.
    /// </summary>
    /// <exception cref="McpException">The new one could not be stored; the old one stays in force.</exception>
    public bool RenewIntermediates()
    {
        lock (_change)
        {
            var now = _clock.GetUtcNow();
            var renewed = false;
            if (Lifetimes.IsThirdLeft(_identity.NotBefore, _identity.NotAfter, now))
            {
                _identity = Store(NewIdentity(_root, _domain, now), IdentityFile);
                renewed = true;
            }
            if (Lifetimes.IsThirdLeft(_names.NotBefore, _names.NotAfter, now))
            {
                var constraints = CertificateProfile.ConstraintsOf(_names.Certificate)!;
                _names = Store(_root.NewIntermediate(CertificateProfile.NamesAuthorityName(_domain), constraints, NamesUsages, now), NamesFile);
                renewed = true;
            }
            return renewed;
        }
    }

    /// <summary>Issues the names intermediate anew when zone or allowed domains differ from its constraints. True when it was.</summary>
    /// <exception cref="McpException">The new one could not be stored; the old one stays in force.</exception>
    public bool ConstrainNames(string zone, IReadOnlyList<string> allowedDomains)
    {
        lock (_change)
        {
            var wanted = CertificateProfile.NamesConstraints(zone, allowedDomains).RawData;
            if (CertificateProfile.ConstraintsOf(_names.Certificate)?.RawData.AsSpan().SequenceEqual(wanted) == true)
                return false;
            _names = Store(NewNames(_root, _domain, zone, allowedDomains, _clock.GetUtcNow()), NamesFile);
            return true;
        }
    }

    /// <summary>Root, identity and names certificates, for <c>mcp ca show</c> and findings; without their keys.</summary>
    public IReadOnlyList<AuthorityCertificate> Describe() => [Describe("root", _root), Describe("identity", _identity), Describe("names", _names)];

    /// <inheritdoc/>
    public void Dispose()
    {
        _root.Dispose();
        _identity.Dispose();
        _names.Dispose();
    }

    private static Authority NewIdentity(Authority root, string domain, DateTimeOffset now) => root.NewIntermediate(
        CertificateProfile.IdentityAuthorityName(domain), CertificateProfile.IdentityConstraints(domain), IdentityUsages, now);

    private static Authority NewNames(Authority root, string domain, string zone, IReadOnlyList<string> allowedDomains, DateTimeOffset now) =>
        root.NewIntermediate(CertificateProfile.NamesAuthorityName(domain), CertificateProfile.NamesConstraints(zone, allowedDomains), NamesUsages, now);

    private static AuthorityCertificate Describe(string name, Authority authority) =>
        new(name, CertificateNames.Serial(authority.Certificate), authority.NotBefore, authority.NotAfter);

    private static IReadOnlyList<string> PermittedDomains(X509Certificate2 names) =>
        CertificateProfile.PermittedDnsNames(CertificateProfile.ConstraintsOf(names));

    private static IssuedCertificate Issue(Authority authority, CertificateRequest request, DateTimeOffset now, DateTimeOffset notAfter)
    {
        using var leaf = authority.Sign(request, now, notAfter);
        return new(
            Encoding.ASCII.GetBytes(leaf.ExportCertificatePem() + "\n" + authority.Certificate.ExportCertificatePem() + "\n"),
            CertificateNames.Serial(leaf),
            new(leaf.NotBefore.ToUniversalTime(), TimeSpan.Zero),
            new(leaf.NotAfter.ToUniversalTime(), TimeSpan.Zero),
            IdentityKey.Hash(request.PublicKey.ExportSubjectPublicKeyInfo()));
    }

    /// <summary>The old authority is not disposed: an issue in another thread may still sign with it.</summary>
    private Authority Store(Authority fresh, string file)
    {
        fresh.Save(Path.Combine(_folder, file));
        return fresh;
    }

    private void Check(Authority part, X500DistinguishedName subject, string file)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(Bundle.Roots);
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid;
        if (!part.Certificate.SubjectName.RawData.AsSpan().SequenceEqual(subject.RawData) || !chain.Build(part.Certificate))
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{Path.Combine(_folder, file)} is not the authority of the fleet {_domain}")
            {
                Cause = $"its subject is {part.Certificate.Subject}, issued by {part.Certificate.Issuer}",
                Hint = "[fleet] domain in mcp-master.toml cannot change later; restore ca/ or the domain from a backup",
            };
        }
    }
}

/// <summary>A certificate of the authority itself, as operators see it.</summary>
/// <param name="Name">"root", "identity" or "names".</param>
/// <param name="Serial">Lower-case hex.</param>
/// <param name="NotBefore">UTC.</param>
/// <param name="NotAfter">UTC.</param>
internal sealed record AuthorityCertificate(string Name, string Serial, DateTimeOffset NotBefore, DateTimeOffset NotAfter);
