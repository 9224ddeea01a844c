namespace Mcp.Agent.Monitoring;

internal sealed partial class MonitorLoop
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "Podman's events ended and are subscribed to again: {Cause}")]
    private partial void EventsBroke(string cause);

    [LoggerMessage(Level = LogLevel.Error, Message = "A check failed and is tried again: {Cause}")]
    private partial void CheckFailed(string cause);
}
