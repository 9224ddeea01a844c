namespace Mcp.Podman;

internal sealed partial class PodmanService
{
    [LoggerMessage(Level = LogLevel.Information, Message = "podman answers on {Socket} (process {Pid})")]
    private partial void LogAnswers(string socket, int pid);

    [LoggerMessage(Level = LogLevel.Information, Message = "podman on {Socket} was started by an earlier run (process {Pid}); it is taken over")]
    private partial void LogTakenOver(string socket, int pid);

    [LoggerMessage(Level = LogLevel.Warning, Message = "podman on {Socket} (process {Pid}) is left from an earlier run and does not answer; it is ended: {Reason}")]
    private partial void LogHung(string socket, int pid, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "podman does not answer on {Socket} yet: {Reason}")]
    private partial void LogWaiting(string socket, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "podman on {Socket}: {Reason}; it is started again in {Seconds} s, containers are not affected")]
    private partial void LogFailed(string socket, string reason, double seconds);
}
