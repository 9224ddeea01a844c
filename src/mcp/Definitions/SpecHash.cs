using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>
/// Lower-case hex SHA-256 over the canonical form of a spec: the word <c>service</c> or <c>container</c>, then for each field that is not at its
/// default, in a fixed order, its path, the number of its values, and the values. Each of these is written <c>length:text</c> (length in bytes
/// of UTF-8, both numbers in decimal), so that no two lists of fields have the same bytes.
/// </summary>
internal static class SpecHash
{
    /// <summary>Over every field that this version knows: two sides with the same hash understood the same spec.</summary>
    public static string OfService(ServiceSpec service) => Of("service", SpecFields.Of(service));

    /// <summary>Over what the container is made of: the same hash means that the running container stays.</summary>
    public static string OfComponent(ServiceSpec service, ComponentSpec component) => Of("container", ContainerFields.Of(service, component));

    /// <summary>The first eight digits of the hash of a secret value: enough to see that it changed, and never the value.</summary>
    public static string OfSecret(string value) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value)))[..8];

    private static string Of(string kind, IReadOnlyList<SpecField> fields)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, kind);
        foreach (var field in fields)
        {
            Append(hash, field.Path);
            Append(hash, field.Values.Count.ToString(CultureInfo.InvariantCulture));
            foreach (var value in field.Values)
                Append(hash, value);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{bytes.Length}:")));
        hash.AppendData(bytes);
    }
}
