using Grpc.Core;

namespace Mcp.Transport;

/// <summary>
/// Calls that speak our language: a failure arrives as <see cref="Errors.McpException"/> with what the other side said, and a unary call always has a
/// deadline. Cancellation by the caller's own token stays OperationCanceledException.
/// Whoever wants to know what changes at the peer is told of every call that carries the id of an operation: as it begins, and before its caller
/// hears of its end.
/// </summary>
/// <param name="inner">Makes the calls.</param>
/// <param name="peer">Who is called, in words.</param>
/// <param name="changed">Told of calls that change something; null: nobody wants to know.</param>
internal sealed class FaultInvoker(CallInvoker inner, string peer, Action? changed = null) : CallInvoker
{
    /// <inheritdoc/>
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        throw new NotSupportedException("Blocking calls are not made here.");

    /// <inheritdoc/>
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        // By the machine's own clock: gRPC measures deadlines against it, whatever clock judges certificates.
        if (options.Deadline is null)
            options = options.WithDeadline(DateTime.UtcNow + PeerChannel.UnaryDeadline);
        var ended = Changes(options);
        var call = inner.AsyncUnaryCall(method, host, options, request);
        return new(Translated(call.ResponseAsync, options, ended), Translated(call.ResponseHeadersAsync, options), call.GetStatus, call.GetTrailers, call.Dispose);
    }

    /// <inheritdoc/>
    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var ended = Changes(options);
        var call = inner.AsyncServerStreamingCall(method, host, options, request);
        return new(
            new Reader<TResponse>(this, call.ResponseStream, options), Translated(call.ResponseHeadersAsync, options), call.GetStatus, call.GetTrailers, (Action)call.Dispose + ended);
    }

    /// <inheritdoc/>
    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var ended = Changes(options);
        var call = inner.AsyncClientStreamingCall(method, host, options);
        return new(
            new Writer<TRequest>(this, call.RequestStream, options, call.ResponseAsync), Translated(call.ResponseAsync, options, ended), Translated(call.ResponseHeadersAsync, options),
            call.GetStatus, call.GetTrailers, call.Dispose);
    }

    /// <inheritdoc/>
    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var ended = Changes(options);
        var call = inner.AsyncDuplexStreamingCall(method, host, options);
        return new(
            new Writer<TRequest>(this, call.RequestStream, options), new Reader<TResponse>(this, call.ResponseStream, options), Translated(call.ResponseHeadersAsync, options),
            call.GetStatus, call.GetTrailers, (Action)call.Dispose + ended);
    }

    // What to do at the end of the call.
    private Action? Changes(CallOptions options)
    {
        if (changed is null || options.Headers?.GetValue(CallMetadata.Operation) is null)
            return null;
        changed();
        return changed;
    }

    private Task<T> Translated<T>(Task<T> task, CallOptions options, Action? ended = null)
    {
        var translated = AwaitAsync(task, ended, options.CancellationToken);
        // A caller that never looks at the headers must not be told about them by the finalizer.
        _ = translated.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return translated;
    }

    private async Task<T> AwaitAsync<T>(Task<T> task, Action? ended, params CancellationToken[] own)
    {
        try
        {
            return await task;
        }
        catch (RpcException e)
        {
            throw Translate(e, own);
        }
        finally
        {
            ended?.Invoke();
        }
    }

    private Exception Translate(RpcException e, CancellationToken[] own)
    {
        if (e.StatusCode == StatusCode.Cancelled)
        {
            foreach (var token in own)
            {
                if (token.IsCancellationRequested)
                    return new OperationCanceledException($"the call to {peer} was cancelled here", e, token);
            }
        }
        return RpcFault.FromRpc(e, peer);
    }

    private sealed class Reader<T>(FaultInvoker owner, IAsyncStreamReader<T> inner, CallOptions options) : IAsyncStreamReader<T>
    {
        public T Current => inner.Current;

        public Task<bool> MoveNext(CancellationToken cancellationToken) =>
            owner.AwaitAsync(inner.MoveNext(cancellationToken), null, options.CancellationToken, cancellationToken);
    }

    /// <summary>
    /// A write that fails because the other side has answered throws that answer. gRPC gives the call's status when it is there already; when the
    /// end of the stream was faster, the write says only that it was cancelled, and the answer is a moment behind.
    /// </summary>
    private sealed class Writer<T>(FaultInvoker owner, IClientStreamWriter<T> inner, CallOptions options, Task? answer = null) : IClientStreamWriter<T>
    {
        private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);

        public WriteOptions? WriteOptions { get => inner.WriteOptions; set => inner.WriteOptions = value; }

        public Task WriteAsync(T message) => GuardAsync(inner.WriteAsync(message), default);

        public Task WriteAsync(T message, CancellationToken cancellationToken) => GuardAsync(inner.WriteAsync(message, cancellationToken), cancellationToken);

        public Task CompleteAsync() => GuardAsync(inner.CompleteAsync(), default);

        private async Task GuardAsync(Task write, CancellationToken cancellationToken)
        {
            try
            {
                await write;
            }
            catch (Exception e) when (e is RpcException or IOException)
            {
                if (await SaidAsync(e) is { } failure)
                    throw owner.Translate(failure, [options.CancellationToken, cancellationToken]);
                // It has answered well before it read everything: what is written from now on goes nowhere, and the answer says all.
            }
        }

        private async Task<RpcException?> SaidAsync(Exception write)
        {
            var own = write as RpcException ?? new RpcException(new Status(StatusCode.Unavailable, write.Message, write));
            if (answer is null || own.StatusCode is not (StatusCode.OK or StatusCode.Cancelled or StatusCode.Internal or StatusCode.Unavailable))
                return own;
            try
            {
                await answer.WaitAsync(AnswerLimit);
                return null;
            }
            catch (RpcException said)
            {
                return said;
            }
            catch (TimeoutException)
            {
                // No answer follows: the link is gone, and the write's own words stand.
                return own;
            }
        }
    }
}
