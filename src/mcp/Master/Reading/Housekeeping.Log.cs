namespace Mcp.Master.Reading;

internal sealed partial class Housekeeping
{
    private readonly ILogger _log = log;

    [LoggerMessage(Level = LogLevel.Warning, Message = "a round of housekeeping failed: {What} {Cause}")]
    private partial void LogFailed(string what, string cause);
}
