namespace Mcp.Master.Deployments;

internal sealed partial class OpenOperations
{
    private readonly ILogger _log = log;

    [LoggerMessage(Level = LogLevel.Information, Message = "the open {Kind} of {Service} ({Operation}) is settled: {Outcome}")]
    private partial void LogSettled(string kind, string service, string operation, string outcome);

    [LoggerMessage(Level = LogLevel.Warning, Message = "open operations could not be settled: {What} {Cause}")]
    private partial void LogRound(string what, string cause);
}
