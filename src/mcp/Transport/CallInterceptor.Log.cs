namespace Mcp.Transport;

internal sealed partial class CallInterceptor
{
    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} failed: {Fault}")]
    private partial void LogBroken(string method, string fault, Exception e);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} by {Caller} failed unexpectedly, reference {Reference}")]
    private partial void LogUnexpected(string method, string caller, string reference, Exception e);
}
