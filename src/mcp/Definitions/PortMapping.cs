using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Mcp.Definitions;

/// <summary>One entry of <c>ports</c>, parsed.</summary>
/// <param name="Address">An IPv4 or IPv6 address in its canonical form; 127.0.0.1 when none was written.</param>
/// <param name="HostPort">1 to 65535.</param>
/// <param name="ContainerPort">1 to 65535.</param>
/// <param name="Protocol">"tcp" or "udp".</param>
internal sealed record PortMapping(string Address, int HostPort, int ContainerPort, string Protocol)
{
    private const string Form = "the form is \"[address:]host:container[/udp]\", as \"127.0.0.1:9000:9000\"";

    /// <summary>Whether only this node can reach it.</summary>
    public bool IsLoopback => IPAddress.IsLoopback(IPAddress.Parse(Address));

    /// <summary>Whether it listens on every address of the node.</summary>
    public bool IsEveryAddress => Address is "0.0.0.0" or "::";

    /// <summary>Parses <c>[address:]host:container[/udp]</c>, or says what is wrong and what is allowed.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out PortMapping? mapping, [NotNullWhen(false)] out string? problem)
    {
        mapping = null;
        var slash = text.IndexOf('/');
        var protocol = slash < 0 ? "tcp" : text[(slash + 1)..];
        var rest = slash < 0 ? text : text[..slash];
        if (protocol is not ("tcp" or "udp"))
        {
            problem = $"has the protocol \"{protocol}\"; allowed are /tcp and /udp";
            return false;
        }
        var containerAt = rest.LastIndexOf(':');
        if (containerAt < 0)
        {
            problem = $"names one port; {Form}";
            return false;
        }
        var hostAt = containerAt == 0 ? -1 : rest.LastIndexOf(':', containerAt - 1);
        var address = hostAt < 0 ? "127.0.0.1" : rest[..hostAt];
        problem = PortProblem(rest[(hostAt + 1)..containerAt], "host", out var host)
            ?? PortProblem(rest[(containerAt + 1)..], "container", out var container)
            ?? AddressProblem(address, out address)
            ?? Accept(new PortMapping(address, host, container, protocol), out mapping);
        return mapping is not null;
    }

    /// <summary>Whether both cannot be published at the same time.</summary>
    public bool CollidesWith(PortMapping other) =>
        HostPort == other.HostPort && Protocol == other.Protocol && (Address == other.Address || IsEveryAddress || other.IsEveryAddress);

    /// <summary>The canonical text: the address always, the protocol only when it is not tcp.</summary>
    public override string ToString()
    {
        var address = Address.Contains(':') ? $"[{Address}]" : Address;
        return string.Create(CultureInfo.InvariantCulture, $"{address}:{HostPort}:{ContainerPort}{(Protocol == "tcp" ? "" : "/" + Protocol)}");
    }

    private static string? Accept(PortMapping good, out PortMapping mapping)
    {
        mapping = good;
        return null;
    }

    private static string? PortProblem(string text, string which, out int port)
    {
        port = 0;
        if (text.Length == 0)
            return $"has no {which} port, and a port that podman chooses changes at every start; {Form}";
        if (text.Contains('-'))
            return $"is a range of ports; write one entry for each";
        return text.Length <= 5 && text.All(char.IsAsciiDigit) && int.TryParse(text, CultureInfo.InvariantCulture, out port) && port is >= 1 and <= 65535
            ? null
            : $"has the {which} port \"{text}\", which is not 1 to 65535; {Form}";
    }

    private static string? AddressProblem(string text, out string canonical)
    {
        canonical = text;
        var bare = text is ['[', .., ']'] ? text[1..^1] : text;
        // IPAddress also reads "1", "0x7f.1" and scoped addresses: only the plain notations are accepted.
        if (!IPAddress.TryParse(bare, out var address) || bare.Contains('%') ||
            (address.AddressFamily == AddressFamily.InterNetwork ? address.ToString() != bare : text == bare))
        {
            return $"has the address \"{text}\", which is not an IPv4 address or an IPv6 address in brackets; {Form}";
        }
        canonical = address.ToString();
        return null;
    }
}
