using System.Net;

namespace Mcp.Transport;

internal sealed partial class PatientListeners
{
    [LoggerMessage(Level = LogLevel.Error, Message = "Cannot listen on {Endpoint}: {Cause}. It is tried again; see who has the port with: ss -ltnp")]
    private partial void LogNotBound(EndPoint endpoint, string cause);
}
