using System.Net;
using Mcp.Transport;

namespace Mcp.Master;

/// <summary>Where a master is, as others are told.</summary>
internal static class MasterAddress
{
    /// <summary>The fleet's address; where its port is 0 (any free one, as tests ask for), the port that was bound.</summary>
    public static string Of(string address, RoleServer? server) =>
        address.EndsWith(":0", StringComparison.Ordinal) && server?.Endpoints is [var first, ..] ? $"{address[..^2]}:{first.Port}" : address;

    /// <summary>Whether every address listened on is a loopback one: then the whole fleet is one machine.</summary>
    public static bool IsLoopbackOnly(IReadOnlyList<string> listen) =>
        listen.Count > 0 && listen.All(l => IPEndPoint.TryParse(l, out var point) && IPAddress.IsLoopback(point.Address));
}
