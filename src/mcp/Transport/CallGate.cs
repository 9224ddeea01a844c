using System.Net;
using System.Net.Sockets;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Mcp.Transport;

/// <summary>
/// What every call passes before its request is read, known or unknown method, unary or streaming alike:
/// 1 who is calling: the local socket's user, or the certificate of the connection, judged now;
/// 2 strangers pay from their address's budget, and reach nothing but Join and FleetRoot (and RenewIdentity when merely late);
///   they are told so before they could learn which methods exist;
/// 3 may it call this method: the table decides, and what is not in it does not exist;
/// 4 is the call well-formed: no compressed requests, a sane time limit, an operation id that is one;
/// 5 the identity's own budget.
/// A refusal is a gRPC status with its detail, and an audit row. What a request is about is checked in <see cref="CallInterceptor"/>.
/// </summary>
internal sealed partial class CallGate(RoleServerOptions options, CallLimits limits, CallAudit audit)
{
    private readonly Authorizer _authorizer = new(options.Table, options.Access, options.Clock);
    private readonly ILogger _log = options.Logging.CreateLogger<CallGate>();
    private readonly string _features = string.Join(',', options.Features);

    /// <summary>Serves <paramref name="http"/> or refuses it.</summary>
    public async Task InvokeAsync(HttpContext http, RequestDelegate next)
    {
        http.Response.Headers[CallMetadata.Version] = options.Version;
        http.Response.Headers[CallMetadata.Features] = _features;
        var caller = Identify(http);
        http.Features.Set(caller);
        // Without the leading slash: package.Service/Method.
        var method = http.Request.Path.Value is { Length: > 1 } path ? path[1..] : "";
        var rule = options.Table.Find(method);

        if (Judge(http, caller, method, rule, out var silent) is { } fault)
        {
            var name = rule?.Method ?? Printable.Line(method, 120);
            // A peer over its budget leaves no more rows: an audit that one peer can fill is no audit.
            if (!silent)
            {
                LogRefused(name, caller.ToString(), caller.Peer, fault.Message, caller.Problem is { Length: > 0 } problem ? $" ({problem})" : "");
                audit.Record(http, caller, name, null, RpcFault.ToStatus(fault.Code), fault.Message);
            }
            await CallRefusal.WriteAsync(http, fault);
            return;
        }
        http.Features.Set(rule!);
        http.Features.Set(_authorizer);
        if (caller.State is CallerState.Valid or CallerState.Local && http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            // A known caller's stream may pause: its methods end a stream that stays silent.
            rate.MinDataRate = null;
        }
        await next(http);
    }

    private McpException? Judge(HttpContext http, Caller caller, string method, MethodRule? rule, out bool silent)
    {
        silent = false;
        var open = rule?.Access is Access.Anybody or Access.JoinToken;
        var unknown = _authorizer.CheckIdentity(caller);
        if (unknown is not null && !limits.TryTakeStranger(caller.PeerAddress))
        {
            silent = true;
            return new McpException(FaultCode.ResourceExhausted, "too many unauthenticated calls from this address") { Hint = "wait ten seconds and try again; after a minute the whole budget is there" };
        }
        if (unknown is not null && !open && rule?.Access != Access.Self)
            return unknown;
        if (rule is null)
            return new McpException(FaultCode.Unimplemented, $"{Printable.Line(method, 120)} does not exist here") { Hint = "the versions may differ: mcp --version, mcp node list" };
        if (_authorizer.CheckMethod(rule, caller) is { } refused)
            return refused;
        if (CheckForm(http.Request.Headers) is { } malformed)
            return new McpException(FaultCode.InvalidArgument, malformed);
        if (rule.Budget != CallBudget.None && !limits.TryTake(rule.Budget, caller.Principal!))
        {
            silent = !limits.TryTakeNotice(caller.Principal!);
            return new McpException(FaultCode.ResourceExhausted, $"{caller} calls {rule.Method} too often") { Hint = "later" };
        }
        return null;
    }

    private static string? CheckForm(IHeaderDictionary headers)
    {
        // A compressed message can be a thousand times larger than it looks; nothing here is worth compressing twice.
        if (headers["grpc-encoding"] is { Count: > 0 } encoding && encoding != "identity")
            return "compressed requests are not accepted";
        if (headers["grpc-timeout"] is { Count: > 0 } timeout && CallTimeout.Problem(timeout.ToString()) is { } problem)
            return problem;
        if (headers[CallMetadata.Operation] is { Count: > 0 } operation && !OperationId.TryParse(operation.ToString(), out _, out var bad))
            return $"the metadata {CallMetadata.Operation} {bad}";
        return null;
    }

    private Caller Identify(HttpContext http)
    {
        if (http.Features.Get<LocalPeer>() is { } local)
            return new(Principal.Local, CallerState.Local, $"uid {local.UserId}", null, null);
        var address = http.Connection.RemoteIpAddress ?? IPAddress.None;
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        var peer = new IPEndPoint(address, http.Connection.RemotePort).ToString();
        var place = BudgetAddress(address);
        if (http.Features.Get<PresentedCertificate>() is not { } presented)
            return new(null, CallerState.None, peer, null, null) { PeerAddress = place };
        var identity = presented.Judge(options.Trust!.Current, options.Domain, options.Clock.GetUtcNow());
        var state = identity.State switch
        {
            IdentityState.Valid => CallerState.Valid,
            IdentityState.Expired => CallerState.Expired,
            _ => CallerState.Untrusted,
        };
        return new(identity.Principal, state, peer, identity.Serial, identity.KeySha256)
        {
            PeerAddress = place,
            NotAfter = identity.NotAfter,
            Problem = identity.Problem,
        };
    }

    /// <summary>An IPv6 peer owns at least a /64; counting its single addresses would count nothing.</summary>
    internal static string BudgetAddress(IPAddress address) => address is { IsIPv4MappedToIPv6: true }
        ? address.MapToIPv4().ToString()
        : address.AddressFamily == AddressFamily.InterNetworkV6 ? Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)) : address.ToString();
}
