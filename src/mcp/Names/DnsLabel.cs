using System.Diagnostics.CodeAnalysis;

namespace Mcp.Names;

/// <summary>The one rule behind every name that may become part of a host name, a container name or a path.</summary>
internal static class DnsLabel
{
    /// <summary>RFC 1035 §2.3.4: a label has at most 63 octets.</summary>
    public const int MaxLength = 63;

    /// <summary>Says what is wrong with <paramref name="text"/> as a DNS label (RFC 1123: lower-case letters, digits and inner hyphens), or null.</summary>
    public static string? Problem(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return "is empty; a DNS label has 1 to 63 of a-z, 0-9 and -";
        if (text.Length > MaxLength)
            return $"has {text.Length} characters; a DNS label has at most {MaxLength}";
        foreach (var c in text)
        {
            if (!(c is >= 'a' and <= 'z' or >= '0' and <= '9' or '-'))
                return "may only hold a-z, 0-9 and - (a DNS label)";
        }
        if (text[0] == '-' || text[^1] == '-')
            return "may not begin or end with -";
        // Punycode would let two names look alike on a terminal.
        if (text.StartsWith("xn--", StringComparison.Ordinal))
            return "may not be an internationalised (xn--) label";
        return null;
    }

    /// <summary>Whether <paramref name="text"/> is a DNS label.</summary>
    public static bool IsValid([NotNullWhen(true)] string? text) => Problem(text) is null;
}
