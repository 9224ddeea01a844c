namespace Mcp.Master.Registration;

internal sealed partial class HealthWatch
{
    private readonly ILogger _log = log;

    [LoggerMessage(Level = LogLevel.Debug, Message = "the line to agent/{Node} ended: {Why}")]
    private partial void LogLine(string node, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "a round of health checks failed: {What} {Cause}")]
    private partial void LogRound(string what, string cause);
}
