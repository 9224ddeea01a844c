namespace Mcp.Master.Reading;

internal sealed partial class FindingWatch
{
    private readonly ILogger _log = log;

    [LoggerMessage(Level = LogLevel.Warning, Message = "a look for findings failed: {What} {Cause}")]
    private partial void LogFailed(string what, string cause);
}
