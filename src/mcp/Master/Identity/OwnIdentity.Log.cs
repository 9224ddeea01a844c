namespace Mcp.Master.Identity;

internal sealed partial class OwnIdentity
{
    private readonly ILogger _log = log;

    [LoggerMessage(Level = LogLevel.Information, Message = "the master's certificate was renewed; it ends {NotAfter}")]
    private partial void LogRenewed(DateTimeOffset notAfter);

    [LoggerMessage(Level = LogLevel.Information, Message = "an intermediate of the certificate authority was renewed")]
    private partial void LogIntermediates();

    [LoggerMessage(Level = LogLevel.Error, Message = "renewing the master's identity failed, the old one stays in force: {What} {Cause}")]
    private partial void LogFailed(string what, string cause);
}
