namespace Mcp.Transport;

internal sealed partial class CallGate
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused {Method} to {Caller} from {Peer}: {Reason}{Detail}")]
    private partial void LogRefused(string method, string caller, string peer, string reason, string detail);
}
