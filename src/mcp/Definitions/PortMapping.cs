using System.Diagnostics.CodeAnalysis;

namespace Mcp.Definitions;

/// <summary>One entry of <c>ports</c>, parsed.</summary>
/// <param name="Address">An IPv4 or IPv6 address; 127.0.0.1 when none was written.</param>
/// <param name="HostPort">1 to 65535.</param>
/// <param name="ContainerPort">1 to 65535.</param>
/// <param name="Protocol">"tcp" or "udp".</param>
internal sealed record PortMapping(string Address, int HostPort, int ContainerPort, string Protocol)
{
    /// <summary>Whether only this node can reach it.</summary>
    public bool IsLoopback => throw new NotImplementedException();

    /// <summary>Parses <c>[address:]host:container[/udp]</c>, or says what is wrong and what is allowed.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out PortMapping? mapping, [NotNullWhen(false)] out string? problem) =>
        throw new NotImplementedException();

    /// <summary>The canonical text: the address always, the protocol only when it is not tcp.</summary>
    public override string ToString() => throw new NotImplementedException();
}
