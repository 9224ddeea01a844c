namespace Mcp.Master;

internal sealed partial class MasterHost
{
    [LoggerMessage(Level = LogLevel.Information, Message = "the master of {Fleet} ({Domain}), mcp {Version}, listens on {Endpoints}; {Open} operations of before are still open")]
    private partial void LogStarted(string fleet, string domain, string version, string endpoints, int open);

    [LoggerMessage(Level = LogLevel.Information, Message = "the master has ended; containers keep running")]
    private partial void LogStopped();

    [LoggerMessage(Level = LogLevel.Error, Message = "The database cannot be read: {Problem} {Cause}")]
    private partial void LogNotRead(string problem, string cause);
}
