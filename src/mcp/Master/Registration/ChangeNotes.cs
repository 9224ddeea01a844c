using Grpc.Core;
using Mcp.Transport;

namespace Mcp.Master.Registration;

/// <summary>
/// Around the calls to one agent: tells of every call that changes something there (each carries the id of its operation), at its beginning and
/// before its caller hears of its end. So whoever made a change and looks at the node afterwards does not see it as it was before.
/// </summary>
internal sealed class ChangeNotes(CallInvoker inner, Action changed) : CallInvoker
{
    /// <inheritdoc/>
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        inner.BlockingUnaryCall(method, host, options, request);

    /// <inheritdoc/>
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = inner.AsyncUnaryCall(method, host, options, request);
        return Begins(options) ? new(EndAsync(call.ResponseAsync), call.ResponseHeadersAsync, call.GetStatus, call.GetTrailers, call.Dispose) : call;
    }

    /// <inheritdoc/>
    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = inner.AsyncServerStreamingCall(method, host, options, request);
        return Begins(options) ? new(call.ResponseStream, call.ResponseHeadersAsync, call.GetStatus, call.GetTrailers, () => End(call.Dispose)) : call;
    }

    /// <inheritdoc/>
    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = inner.AsyncClientStreamingCall(method, host, options);
        return Begins(options) ? new(call.RequestStream, EndAsync(call.ResponseAsync), call.ResponseHeadersAsync, call.GetStatus, call.GetTrailers, call.Dispose) : call;
    }

    /// <inheritdoc/>
    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = inner.AsyncDuplexStreamingCall(method, host, options);
        return Begins(options) ? new(call.RequestStream, call.ResponseStream, call.ResponseHeadersAsync, call.GetStatus, call.GetTrailers, () => End(call.Dispose)) : call;
    }

    private bool Begins(CallOptions options)
    {
        if (options.Headers?.GetValue(CallMetadata.Operation) is null)
            return false;
        changed();
        return true;
    }

    private async Task<T> EndAsync<T>(Task<T> response)
    {
        try
        {
            return await response;
        }
        finally
        {
            changed();
        }
    }

    private void End(Action dispose)
    {
        dispose();
        changed();
    }
}
