namespace Mcp.Transport;

internal sealed partial class CallAudit
{
    [LoggerMessage(Level = LogLevel.Error, Message = "The audit row of {Method} by {Caller} from {Peer} ({Outcome}) was lost")]
    private partial void LogLost(string method, string caller, string peer, string outcome, Exception e);
}
