using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mcp.Certificates;

/// <summary>The fixed parts of the fleet's certificates.</summary>
internal static class CertificateProfile
{
    /// <summary>id-kp-serverAuth (RFC 5280 §4.2.1.12).</summary>
    public static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");

    /// <summary>id-kp-clientAuth.</summary>
    public static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    /// <summary>The root's subject.</summary>
    public static X500DistinguishedName RootName(string domain) => Name(domain, "root");

    /// <summary>The subject by which verifiers know the intermediate that may make principals.</summary>
    public static X500DistinguishedName IdentityAuthorityName(string domain) => Name(domain, "identity");

    /// <summary>The subject of the intermediate for DNS names.</summary>
    public static X500DistinguishedName NamesAuthorityName(string domain) => Name(domain, "names");

    private static X500DistinguishedName Name(string domain, string which)
    {
        var builder = new X500DistinguishedNameBuilder();
        builder.AddOrganizationName(domain);
        builder.AddCommonName($"mcp {which}");
        return builder.Build();
    }
}
