using Grpc.Core;
using Grpc.Core.Interceptors;
using Mcp.Transport;

namespace Mcp.Master.Identity;

/// <summary>Tells <see cref="SeenKeys"/> of every call that passed the gate, and cuts older connections when a renewed key came for the first time.</summary>
internal sealed class SeenInterceptor(MasterParts parts) : Interceptor
{
    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        Saw(context);
        return continuation(request, context);
    }

    /// <inheritdoc/>
    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        Saw(context);
        return continuation(request, responseStream, context);
    }

    private void Saw(ServerCallContext context)
    {
        if (parts.Seen.Saw(context.GetCaller()))
            parts.CutRevoked();
    }
}
