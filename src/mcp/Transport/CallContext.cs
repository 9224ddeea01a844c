using System.Globalization;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Names;

namespace Mcp.Transport;

/// <summary>What a service method asks its call.</summary>
internal static class CallContext
{
    /// <summary>Who is calling; the gate has already decided that it may.</summary>
    public static Caller GetCaller(this ServerCallContext context) =>
        context.GetHttpContext().Features.Get<Caller>() ?? throw new InvalidOperationException("The call did not pass the gate.");

    /// <summary>The operation's id.</summary>
    /// <exception cref="McpException">InvalidArgument: it is missing or malformed.</exception>
    public static OperationId RequireOperation(this ServerCallContext context)
    {
        var text = context.RequestHeaders.GetValue(CallMetadata.Operation);
        return OperationId.TryParse(text, out var id, out var problem)
            ? id
            : throw new McpException(FaultCode.InvalidArgument, $"{context.Method} needs the metadata {CallMetadata.Operation}")
            {
                Cause = text is null ? "it is missing" : $"its value {problem}",
            };
    }

    /// <summary>For whom the master calls; null when the caller is not the master or acts for itself.</summary>
    public static Principal? GetOnBehalfOf(this ServerCallContext context) =>
        context.GetCaller().Principal?.Kind == PrincipalKind.Master
        && Principal.TryParse(context.RequestHeaders.GetValue(CallMetadata.OnBehalfOf), out var principal)
            ? principal
            : null;

    /// <summary>Whose doing the call is: the principal the master acts for, else the caller.</summary>
    public static Principal GetActor(this ServerCallContext context) =>
        context.GetOnBehalfOf() ?? context.GetCaller().Principal ?? throw new InvalidOperationException("An unknown caller has no principal.");

    /// <summary>The term of the calling master; null when the caller is not the master.</summary>
    /// <exception cref="McpException">InvalidArgument: the master sent none, or not a number.</exception>
    public static ulong? GetTerm(this ServerCallContext context)
    {
        if (context.GetCaller().Principal?.Kind != PrincipalKind.Master)
            return null;
        var text = context.RequestHeaders.GetValue(CallMetadata.Term);
        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var term)
            ? term
            : throw new McpException(FaultCode.InvalidArgument, $"{context.Method} needs the metadata {CallMetadata.Term} from the master");
    }

    /// <summary>Where the calling master is reached; null when the caller is not the master or did not say.</summary>
    public static string? GetMasterAddress(this ServerCallContext context) =>
        context.GetCaller().Principal?.Kind == PrincipalKind.Master ? context.RequestHeaders.GetValue(CallMetadata.MasterAddress) : null;
}
