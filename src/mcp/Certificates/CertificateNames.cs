using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mcp.Certificates;

/// <summary>
/// The subject alternative names of a certificate. The framework's own reader skips URIs, which is where identities are.
/// </summary>
/// <param name="Uris">uniformResourceIdentifier entries (RFC 5280 §4.2.1.6, tag 6).</param>
/// <param name="DnsNames">dNSName entries (tag 2).</param>
/// <param name="Others">How many entries are of any other kind.</param>
internal sealed record CertificateNames(IReadOnlyList<string> Uris, IReadOnlyList<string> DnsNames, int Others)
{
    private const string Extension = "2.5.29.17";

    /// <summary>The names of <paramref name="certificate"/>; null when the extension is damaged or there twice.</summary>
    public static CertificateNames? Read(X509Certificate2 certificate)
    {
        var found = certificate.Extensions.Where(e => e.Oid?.Value == Extension).ToList();
        if (found.Count == 0)
            return new([], [], 0);
        if (found.Count > 1)
            return null;
        List<string> uris = [], names = [];
        var others = 0;
        try
        {
            var outer = new AsnReader(found[0].RawData, AsnEncodingRules.DER);
            var entries = outer.ReadSequence();
            outer.ThrowIfNotEmpty();
            while (entries.HasData)
            {
                var tag = entries.PeekTag();
                if (tag == new Asn1Tag(TagClass.ContextSpecific, 6))
                    uris.Add(entries.ReadCharacterString(UniversalTagNumber.IA5String, tag));
                else if (tag == new Asn1Tag(TagClass.ContextSpecific, 2))
                    names.Add(entries.ReadCharacterString(UniversalTagNumber.IA5String, tag));
                else
                {
                    entries.ReadEncodedValue();
                    others++;
                }
            }
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            return null;
        }
        return new(uris, names, others);
    }

    /// <summary>The serial number as the fleet writes it: lower-case hex.</summary>
    public static string Serial(X509Certificate2 certificate) => Convert.ToHexStringLower(certificate.SerialNumberBytes.Span);
}
