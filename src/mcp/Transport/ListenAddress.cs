using System.Net;
using System.Net.Sockets;
using Mcp.Errors;

namespace Mcp.Transport;

/// <summary>A TCP address to listen on, as configuration writes it.</summary>
internal static class ListenAddress
{
    /// <summary>Reads <c>:9444</c> (all addresses), <c>10.0.0.7:9444</c> or <c>[fd00::7]:9444</c>. Port 0 takes a free one. Names are not resolved here.</summary>
    /// <exception cref="McpException">It is none of these.</exception>
    public static IPEndPoint Parse(string text)
    {
        if (text.StartsWith(':') && ushort.TryParse(text.AsSpan(1), out var port))
        {
            // One IPv6 socket takes IPv4, too; a machine without IPv6 gets an IPv4 one.
            return new IPEndPoint(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, port);
        }
        // The framework reads "10.0.0.7" as port 0 and "fd00::7" as an address: a port must be written.
        if (IPEndPoint.TryParse(text, out var endpoint) && text.EndsWith($":{endpoint.Port}", StringComparison.Ordinal)
            && (endpoint.AddressFamily == AddressFamily.InterNetwork || text.StartsWith('[')))
        {
            return endpoint;
        }
        throw new McpException(FaultCode.InvalidArgument, $"'{text}' is not an address to listen on")
        {
            Hint = "write :9444, 10.0.0.7:9444 or [fd00::7]:9444",
        };
    }
}
