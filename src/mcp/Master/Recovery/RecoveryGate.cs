using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Mcp.Errors;
using Mcp.Transport;

namespace Mcp.Master.Recovery;

/// <summary>Refuses changes while a restored master has not heard every node. Reading, agents, and giving up a node pass.</summary>
internal sealed class RecoveryGate(MasterParts parts) : Interceptor
{
    /// <summary>The one change that is for this state.</summary>
    private const string Way = "mcp.v1.McpMasterService/AcceptMissing";

    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        Check(context, request as IMessage);
        return continuation(request, context);
    }

    /// <inheritdoc/>
    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Check(context, request as IMessage);
        return continuation(request, responseStream, context);
    }

    /// <inheritdoc/>
    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Check(context, null);
        return continuation(requestStream, context);
    }

    /// <inheritdoc/>
    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Check(context, null);
        return continuation(requestStream, responseStream, context);
    }

    private void Check(ServerCallContext context, IMessage? request)
    {
        var awaited = parts.Recovery.Awaited;
        if (awaited.Count == 0 || context.GetHttpContext().Features.Get<MethodRule>() is not { Access: Access.Changing or Access.Administration or Access.JoinToken } rule || rule.Method == Way)
            return;
        if (request is not null && rule.Scope?.Invoke(request) is { OnlyReads: true })
            return;
        throw new McpException(FaultCode.FailedPrecondition, $"this master was restored from a copy and changes nothing before it has heard what each node holds; it waits for {string.Join(", ", awaited)}")
        {
            State = "nothing was done; containers keep running",
            Hint = $"bring them back (mcp node list); or go on without one that is lost: mcp master accept-missing {awaited[0]}",
        };
    }
}
