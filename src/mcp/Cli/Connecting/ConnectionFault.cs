using System.Net.Sockets;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Transport;

namespace Mcp.Cli.Connecting;

/// <summary>Tells a connection that failed from an answer that says "unavailable" (the master may answer that of a node).</summary>
internal static class ConnectionFault
{
    /// <summary>The connection failed; the other side said nothing.</summary>
    public static bool Broke(McpException e) => e.Code == FaultCode.Unavailable && Silent(e);

    /// <summary>Our own deadline ran out; the other side said nothing.</summary>
    public static bool TimedOut(McpException e) => e.Code == FaultCode.DeadlineExceeded && Silent(e);

    /// <summary>There was no connection at all, so the call cannot have arrived.</summary>
    public static bool NeverStood(McpException e)
    {
        for (var inner = (e.InnerException as RpcException)?.Status.DebugException; inner is not null; inner = inner.InnerException)
        {
            if (inner is SocketException socket)
            {
                return socket.SocketErrorCode is SocketError.ConnectionRefused or SocketError.HostUnreachable or SocketError.NetworkUnreachable
                    or SocketError.HostNotFound or SocketError.TimedOut or SocketError.AddressNotAvailable;
            }
        }
        return false;
    }

    private static bool Silent(McpException e) => e.InnerException is RpcException rpc && rpc.Trailers.Get(CallMetadata.Error) is null;
}
