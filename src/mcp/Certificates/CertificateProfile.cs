using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mcp.Names;

namespace Mcp.Certificates;

/// <summary>The fixed parts of the fleet's certificates (RFC 5280 names the extensions).</summary>
internal static class CertificateProfile
{
    /// <summary>id-kp-serverAuth (RFC 5280 §4.2.1.12).</summary>
    public static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");

    /// <summary>id-kp-clientAuth.</summary>
    public static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private const string NameConstraints = "2.5.29.30";

    // GeneralName choices, RFC 5280 §4.2.1.6.
    private static readonly Asn1Tag DnsName = new(TagClass.ContextSpecific, 2), UriName = new(TagClass.ContextSpecific, 6), Address = new(TagClass.ContextSpecific, 7);

    /// <summary>The root's subject.</summary>
    public static X500DistinguishedName RootName(string domain) => Name(domain, "root");

    /// <summary>The subject by which verifiers know the intermediate that may make principals.</summary>
    public static X500DistinguishedName IdentityAuthorityName(string domain) => Name(domain, "identity");

    /// <summary>The subject of the intermediate for DNS names.</summary>
    public static X500DistinguishedName NamesAuthorityName(string domain) => Name(domain, "names");

    /// <summary>
    /// An identity's subject, for people who look at a certificate; verification reads the URI alone. No common name: verifiers would take one
    /// such as "orion" for a DNS name.
    /// </summary>
    public static X500DistinguishedName LeafName(string domain, Principal principal)
    {
        var builder = new X500DistinguishedNameBuilder();
        builder.AddOrganizationName(domain);
        builder.AddOrganizationalUnitName(principal.ToString());
        return builder.Build();
    }

    /// <summary>The extensions of an authority: how many more authorities may follow it, and what it may sign.</summary>
    public static void AddAuthority(CertificateRequest request, int pathLength)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, pathLength, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
    }

    /// <summary>The extensions of a leaf.</summary>
    public static void AddLeaf(CertificateRequest request, X509Extension names, params Oid[] usages)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        AddUsages(request, usages);
        request.CertificateExtensions.Add(names);
    }

    /// <summary>Extended key usage.</summary>
    public static void AddUsages(CertificateRequest request, params Oid[] usages)
    {
        var collection = new OidCollection();
        foreach (var usage in usages)
            collection.Add(usage);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(collection, critical: false));
    }

    /// <summary>
    /// The names intermediate speaks for the internal zone and the allowed domains, never for an address; a URI only under a name that
    /// cannot exist (RFC 2606), which is how "no URI" is said in this extension.
    /// </summary>
    public static X509Extension NamesConstraints(string zone, IReadOnlyList<string> allowedDomains) => Constraints(
        permitted =>
        {
            foreach (var domain in allowedDomains.Prepend(zone).Distinct().Order(StringComparer.Ordinal))
                Subtree(permitted, w => w.WriteCharacterString(UniversalTagNumber.IA5String, domain, DnsName));
            Subtree(permitted, w => w.WriteCharacterString(UniversalTagNumber.IA5String, "uri.invalid", UriName));
        },
        excluded =>
        {
            // Address and mask of zero: every IPv4 and every IPv6 address.
            Subtree(excluded, w => w.WriteOctetString(new byte[8], Address));
            Subtree(excluded, w => w.WriteOctetString(new byte[32], Address));
        });

    /// <summary>The identity intermediate speaks for URIs of the fleet's domain and for no host.</summary>
    public static X509Extension IdentityConstraints(string domain) => Constraints(
        permitted => Subtree(permitted, w => w.WriteCharacterString(UniversalTagNumber.IA5String, domain, UriName)),
        excluded =>
        {
            Subtree(excluded, w => w.WriteCharacterString(UniversalTagNumber.IA5String, "", DnsName));
            Subtree(excluded, w => w.WriteOctetString(new byte[8], Address));
            Subtree(excluded, w => w.WriteOctetString(new byte[32], Address));
        });

    /// <summary>The name constraints that a certificate carries; null: none.</summary>
    public static X509Extension? ConstraintsOf(X509Certificate2 certificate) =>
        certificate.Extensions.FirstOrDefault(e => e.Oid?.Value == NameConstraints);

    /// <summary>The DNS names that name constraints permit, each with everything below it.</summary>
    public static IReadOnlyList<string> PermittedDnsNames(X509Extension? constraints)
    {
        var names = new List<string>();
        if (constraints is null)
            return names;
        var sequence = new AsnReader(constraints.RawData, AsnEncodingRules.DER).ReadSequence();
        var permitted = sequence.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0));
        while (permitted.HasData)
        {
            var subtree = permitted.ReadSequence();
            if (subtree.PeekTag() == DnsName)
                names.Add(subtree.ReadCharacterString(UniversalTagNumber.IA5String, DnsName));
        }
        return names;
    }

    private static X509Extension Constraints(Action<AsnWriter> permitted, Action<AsnWriter> excluded)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                permitted(writer);
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 1)))
                excluded(writer);
        }
        return new X509Extension(new Oid(NameConstraints), writer.Encode(), critical: true);
    }

    private static void Subtree(AsnWriter writer, Action<AsnWriter> name)
    {
        using (writer.PushSequence())
            name(writer);
    }

    private static X500DistinguishedName Name(string domain, string which)
    {
        var builder = new X500DistinguishedNameBuilder();
        builder.AddOrganizationName(domain);
        builder.AddCommonName($"mcp {which}");
        return builder.Build();
    }
}
