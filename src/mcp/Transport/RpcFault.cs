using Google.Protobuf;
using Grpc.Core;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Transport;

/// <summary>How errors travel: a gRPC status, with an ErrorDetail in the trailer <see cref="CallMetadata.Error"/>.</summary>
internal static class RpcFault
{
    /// <summary>A peer's trailers are bounded (64 KiB by default); a definition with a thousand mistakes still arrives, shortened.</summary>
    private const int MaxDetailBytes = 16 * 1024;

    private const int MaxProblems = 100, MaxText = 2000;

    /// <summary>The detail message of <paramref name="fault"/>.</summary>
    public static ErrorDetail ToDetail(McpException fault)
    {
        var detail = new ErrorDetail
        {
            What = Cut(fault.Message),
            Node = Cut(fault.Node),
            Step = Cut(fault.Step),
            Cause = Cut(fault.Cause),
            Hint = Cut(fault.Hint),
            State = Cut(fault.State),
        };
        foreach (var p in fault.Problems.Take(MaxProblems))
        {
            detail.Problems.Add(new Problem
            {
                File = Cut(p.File),
                Line = (uint)Math.Max(0, p.Line),
                Column = (uint)Math.Max(0, p.Column),
                Key = Cut(p.Key),
                Message = Cut(p.Message),
            });
        }
        while (detail.Problems.Count > 0 && detail.CalculateSize() > MaxDetailBytes)
            detail.Problems.RemoveAt(detail.Problems.Count - 1);
        return detail;
    }

    /// <summary>The exception that <paramref name="detail"/> was made from.</summary>
    public static McpException FromDetail(FaultCode code, ErrorDetail detail, Exception? inner = null) => new(code, detail.What, inner)
    {
        Node = Filled(detail.Node),
        Step = Filled(detail.Step),
        Cause = Filled(detail.Cause),
        Hint = Filled(detail.Hint),
        State = Filled(detail.State),
        Problems = [.. detail.Problems.Select(p => new TextProblem(p.File, (int)p.Line, (int)p.Column, p.Key, p.Message))],
    };

    /// <summary>What a server throws so that <paramref name="fault"/> reaches the caller whole.</summary>
    public static RpcException ToRpc(McpException fault) => new(
        new Status(ToStatus(fault.Code), Cut(fault.Message)), new Metadata { { CallMetadata.Error, ToDetail(fault).ToByteArray() } }, fault.Message);

    /// <summary>
    /// What a failed call means to its caller. Channels of this namespace apply it by themselves. The result always has
    /// <paramref name="failure"/> inside; one whose trailers lack <see cref="CallMetadata.Error"/> says that the other side did not speak.
    /// </summary>
    /// <param name="failure">As gRPC threw it.</param>
    /// <param name="peer">Who was called, for the words: "agent/orion at 10.0.0.7:9444".</param>
    public static McpException FromRpc(RpcException failure, string peer)
    {
        // Our own verdict on the peer's certificate travels out of the handshake inside the transport's exceptions.
        for (Exception? inner = failure.Status.DebugException; inner is not null; inner = inner.InnerException)
        {
            if (inner is McpException own)
                return Copy(own, failure);
        }
        var code = ToCode(failure.StatusCode);
        if (failure.Trailers.Get(CallMetadata.Error) is { IsBinary: true } entry)
        {
            try
            {
                return FromDetail(code, ErrorDetail.Parser.ParseFrom(entry.ValueBytes), failure);
            }
            catch (InvalidProtocolBufferException)
            {
                // A peer that garbles its detail still gave a status, which is reported below.
            }
        }
        // gRPC calls a connection that ended under a call Internal, Cancelled or Unavailable, by how it ended. To us it is one thing: nobody answered.
        return PeerFault.Describe(PeerFault.IsLink(failure) ? FaultCode.Unavailable : code, failure, peer);
    }

    /// <summary>Each kind of failure has exactly one status.</summary>
    public static StatusCode ToStatus(FaultCode code) => code switch
    {
        FaultCode.InvalidArgument => StatusCode.InvalidArgument,
        FaultCode.NotFound => StatusCode.NotFound,
        FaultCode.AlreadyExists => StatusCode.AlreadyExists,
        FaultCode.PermissionDenied => StatusCode.PermissionDenied,
        FaultCode.Unauthenticated => StatusCode.Unauthenticated,
        FaultCode.FailedPrecondition => StatusCode.FailedPrecondition,
        FaultCode.Aborted => StatusCode.Aborted,
        FaultCode.Unavailable => StatusCode.Unavailable,
        FaultCode.DeadlineExceeded => StatusCode.DeadlineExceeded,
        FaultCode.ResourceExhausted => StatusCode.ResourceExhausted,
        FaultCode.DataLoss => StatusCode.DataLoss,
        FaultCode.Unimplemented => StatusCode.Unimplemented,
        FaultCode.Internal => StatusCode.Internal,
        _ => throw new InvalidOperationException($"Unknown fault code {code}."),
    };

    /// <summary>The kind of failure behind a status.</summary>
    public static FaultCode ToCode(StatusCode status) => status switch
    {
        StatusCode.InvalidArgument or StatusCode.OutOfRange => FaultCode.InvalidArgument,
        StatusCode.NotFound => FaultCode.NotFound,
        StatusCode.AlreadyExists => FaultCode.AlreadyExists,
        StatusCode.PermissionDenied => FaultCode.PermissionDenied,
        StatusCode.Unauthenticated => FaultCode.Unauthenticated,
        StatusCode.FailedPrecondition => FaultCode.FailedPrecondition,
        StatusCode.Aborted or StatusCode.Cancelled => FaultCode.Aborted,
        StatusCode.Unavailable => FaultCode.Unavailable,
        StatusCode.DeadlineExceeded => FaultCode.DeadlineExceeded,
        StatusCode.ResourceExhausted => FaultCode.ResourceExhausted,
        StatusCode.DataLoss => FaultCode.DataLoss,
        StatusCode.Unimplemented => FaultCode.Unimplemented,
        _ => FaultCode.Internal,
    };

    /// <summary>One failed handshake may fail several calls; each gets an exception of its own.</summary>
    private static McpException Copy(McpException own, RpcException failure) => new(own.Code, own.Message, failure)
    {
        Node = own.Node,
        Step = own.Step,
        Cause = own.Cause,
        Hint = own.Hint,
        State = own.State,
        Problems = own.Problems,
    };

    private static string Cut(string? text) => text is null ? "" : text.Length <= MaxText ? text : text[..MaxText] + "…";

    private static string? Filled(string text) => text.Length == 0 ? null : text;
}
