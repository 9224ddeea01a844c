using System.Net;

namespace Mcp.Transport;

internal sealed partial class HandshakeWatch
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused a connection from {Peer}: it offers no TLS 1.3, and nothing older is spoken here")]
    private partial void LogTooOld(EndPoint? peer);

    [LoggerMessage(Level = LogLevel.Information, Message = "A connection from {Peer} did not come about: its TLS handshake failed or was broken off")]
    private partial void LogBroken(EndPoint? peer);
}
