using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mcp.Master.Registration;

/// <summary>An IP address and port at which a role is dialled. Never a host name: no DNS is needed for the fleet to find itself.</summary>
internal sealed record NodeAddress(IPAddress Ip, int Port)
{
    private const int MaxLength = 64;

    /// <summary>Whether only the same machine reaches it.</summary>
    public bool IsLoopback => IPAddress.IsLoopback(Ip);

    /// <summary>Parses <c>10.0.0.7:9444</c> or <c>[fd00::7]:9444</c>, or says what is wrong in words that follow the address.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out NodeAddress? address, [NotNullWhen(false)] out string? problem)
    {
        address = null;
        problem = Split(text, out var host, out var port) ?? Check(host, port, out address);
        return problem is null;
    }

    /// <inheritdoc/>
    public override string ToString() => Ip.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{Ip}]:{Port}" : $"{Ip}:{Port}";

    private static string? Split(string? text, out string host, out string port)
    {
        host = port = "";
        if (string.IsNullOrEmpty(text))
            return "is empty; an IP address with a port is needed, as 10.0.0.7:9444";
        if (text.Length > MaxLength)
            return $"has {text.Length} characters; an IP address with a port has at most {MaxLength}";
        var colon = text.LastIndexOf(':');
        if (colon <= 0)
            return "has no port; write it as 10.0.0.7:9444";
        (host, port) = (text[..colon], text[(colon + 1)..]);
        if (host is ['[', .., ']'])
            host = host[1..^1];
        else if (host.Contains(':'))
            return "is an IPv6 address without brackets; write it as [fd00::7]:9444";
        return null;
    }

    private static string? Check(string host, string port, out NodeAddress? address)
    {
        address = null;
        if (host.Contains('%'))
            return "has a zone id, which means something on one machine only";
        if (!int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number is < 1 or > 65535)
            return $"has the port '{port}'; 1 to 65535 are ports";
        // IPAddress takes "1" and "0x7f.1" for addresses; only what it prints again unchanged is written as one.
        if (!IPAddress.TryParse(host, out var ip) || (ip.AddressFamily == AddressFamily.InterNetwork && ip.ToString() != host))
            return "is not an IP address; a name would need DNS before the fleet can start";
        if (ip.IsIPv4MappedToIPv6)
            return "is an IPv4 address in IPv6 form; write the IPv4 address";
        if (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any))
            return "is the address of no machine (any); write the node's own";
        if (ip.IsIPv6Multicast || (ip.AddressFamily == AddressFamily.InterNetwork && ip.GetAddressBytes()[0] >= 224))
            return "is a multicast or broadcast address; write the node's own";
        if (ip.IsIPv6LinkLocal || (ip.AddressFamily == AddressFamily.InterNetwork && ip.GetAddressBytes() is [169, 254, ..]))
            return "is a link-local address, which other networks cannot reach";
        address = new NodeAddress(ip, number);
        return null;
    }
}
