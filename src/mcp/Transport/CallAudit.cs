using Grpc.Core;
using Mcp.Names;
using Mcp.Text;

namespace Mcp.Transport;

/// <summary>Makes audit rows of calls. A sink that fails is logged and does not undo what the call did.</summary>
internal sealed partial class CallAudit(IAuditSink sink, TimeProvider clock, ILoggerFactory logging)
{
    private readonly ILogger _log = logging.CreateLogger<CallAudit>();

    /// <summary>Records one call.</summary>
    public void Record(HttpContext http, Caller caller, string method, string? service, StatusCode outcome, string? detail)
    {
        var headers = http.Request.Headers;
        // Only the master is believed about whom it acts for; the operation id was checked by the gate or is written escaped.
        var behalf = caller.Principal?.Kind == PrincipalKind.Master ? Shown(headers[CallMetadata.OnBehalfOf]) : null;
        try
        {
            sink.Record(new(
                clock.GetUtcNow(), caller.ToString(), caller.Peer, method, service is null ? null : Printable.Line(service, 200),
                Shown(headers[CallMetadata.Operation]), behalf, outcome.ToString(), detail is null ? null : Printable.Line(detail, 500)));
        }
        catch (Exception e)
        {
            LogLost(method, caller.ToString(), caller.Peer, outcome.ToString(), e);
        }
    }

    private static string? Shown(string? header) => string.IsNullOrEmpty(header) ? null : Printable.Line(header, 80);
}
