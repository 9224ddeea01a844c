namespace Mcp.Agent.Monitoring;

internal sealed partial class MonitorLoop
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "Podman's events ended and are subscribed to again: {Cause}")]
    private partial void EventsBroke(string cause);

    [LoggerMessage(Level = LogLevel.Error, Message = "Podman does not answer; containers run on, nothing can be changed: {Cause}")]
    private partial void PodmanLost(string cause);

    [LoggerMessage(Level = LogLevel.Information, Message = "Podman answers again")]
    private partial void Back();

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Service}: {Problem}")]
    private partial void Drift(string service, string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "A check failed and is tried again: {Cause}")]
    private partial void CheckFailed(string cause);
}
