namespace Mcp.Master.Recovery;

internal sealed partial class FleetRecovery
{
    private readonly ILogger _log = log;

    [LoggerMessage(Level = LogLevel.Warning, Message = "this master was restored: nothing is changed before {Nodes} have been heard")]
    private partial void LogWaiting(string nodes);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Node} was heard after the restoration: {What}")]
    private partial void LogHeard(string node, string what);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Node} could not be heard yet: {Cause}")]
    private partial void LogUnheard(string node, string cause);

    [LoggerMessage(Level = LogLevel.Information, Message = "the restoration is complete: all nodes were heard or given up")]
    private partial void LogComplete();
}
