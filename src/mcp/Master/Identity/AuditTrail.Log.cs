namespace Mcp.Master.Identity;

internal sealed partial class AuditTrail
{
    [LoggerMessage(Level = LogLevel.Information, Message = "audit: {Principal} {Method} {Outcome} from {Peer} {Detail}")]
    private partial void LogEntry(string principal, string method, string outcome, string peer, string detail);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Count} audit entries could not be written to the database: {What} {Cause}")]
    private partial void LogNotWritten(int count, string what, string cause);
}
