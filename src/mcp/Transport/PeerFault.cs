using System.Net.Sockets;
using Grpc.Core;
using Mcp.Errors;

namespace Mcp.Transport;

/// <summary>Words for a call that failed without the other side saying why: nobody there, no TLS, a cut connection.</summary>
internal static class PeerFault
{
    /// <summary>The failure as its caller should read it.</summary>
    public static McpException Describe(FaultCode code, RpcException failure, string peer)
    {
        var socket = Find<SocketException>(failure.Status.DebugException);
        var cause = socket?.Message ?? failure.Status.Detail;
        return code switch
        {
            FaultCode.Unavailable when socket is not null => new McpException(code, $"{peer} cannot be reached", failure)
            {
                Cause = cause,
                Hint = socket.SocketErrorCode == SocketError.ConnectionRefused
                    ? "is the role running there? systemctl status mcp-master mcp-agent"
                    : "check the address, the network and the firewall; the CLI's addresses are in mcp.toml",
            },
            FaultCode.Unavailable => new McpException(code, $"the connection to {peer} broke", failure)
            {
                Cause = Innermost(failure.Status.DebugException)?.Message ?? cause,
                Hint = "whether the call arrived is to be asked, not guessed: try again, or see mcp status",
            },
            FaultCode.DeadlineExceeded => new McpException(code, $"{peer} did not answer in time", failure)
            {
                Hint = "what was asked for may have happened; ask again with the same operation, or see mcp watch",
            },
            FaultCode.Unimplemented => new McpException(code, $"{peer} does not offer this call", failure) { Cause = cause, Hint = "its version may be older: mcp node list" },
            _ => new McpException(code, $"{peer} refused: {cause}", failure),
        };
    }

    /// <summary>Whether the connection failed, rather than the call. A call cancelled by our own token is not asked about here.</summary>
    public static bool IsLink(RpcException failure) => failure.StatusCode switch
    {
        StatusCode.Unavailable or StatusCode.Cancelled => true,
        StatusCode.Internal or StatusCode.Unknown => Find<IOException>(failure.Status.DebugException) is not null
            || Find<SocketException>(failure.Status.DebugException) is not null || Find<HttpRequestException>(failure.Status.DebugException) is not null,
        _ => false,
    };

    private static Exception? Innermost(Exception? e)
    {
        while (e?.InnerException is not null)
            e = e.InnerException;
        return e;
    }

    private static T? Find<T>(Exception? e)
        where T : Exception
    {
        for (; e is not null; e = e.InnerException)
        {
            if (e is T found)
                return found;
        }
        return null;
    }
}
