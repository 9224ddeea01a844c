using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Mcp.Errors;
using Mcp.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Mcp.Transport;

/// <summary>
/// Around every service method, after the gate: checks what each request is about (a person's services, an agent's node) before the method sees
/// it, turns errors into a status with its detail, and writes the audit row with the outcome.
/// </summary>
internal sealed partial class CallInterceptor(CallAudit audit, ILoggerFactory logging) : Interceptor
{
    private readonly ILogger _log = logging.CreateLogger<CallInterceptor>();

    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, call =>
        {
            call.Check(request);
            return continuation(request, context);
        });

    /// <inheritdoc/>
    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, async call =>
        {
            call.Check(request);
            await continuation(request, responseStream, context);
            return true;
        });

    /// <inheritdoc/>
    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, async call =>
        {
            AllowSilence(context);
            return await continuation(await GuardedReader<TRequest>.OpenAsync(requestStream, call, context.CancellationToken), context);
        });

    /// <inheritdoc/>
    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, async call =>
        {
            AllowSilence(context);
            await continuation(await GuardedReader<TRequest>.OpenAsync(requestStream, call, context.CancellationToken), responseStream, context);
            return true;
        });

    // Kestrel's least rate of a request would cut a stream of data after five quiet seconds; the contract says thirty, which the methods see to.
    private static void AllowSilence(ServerCallContext context)
    {
        if (context.GetHttpContext().Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
    }

    private async Task<T> RunAsync<T>(ServerCallContext context, Func<GuardedCall, Task<T>> run)
    {
        var http = context.GetHttpContext();
        var call = new GuardedCall(
            http.Features.Get<MethodRule>() ?? throw new InvalidOperationException("The call did not pass the gate."),
            context.GetCaller(), http.Features.Get<Authorizer>()!);
        try
        {
            var answer = await run(call);
            if (call.Rule.Audited)
                audit.Record(http, call.Caller, call.Rule.Method, call.Subject, StatusCode.OK, null);
            return answer;
        }
        catch (Exception e)
        {
            var fault = Translate(e, context, call);
            if (call.Rule.Audited || call.Denied)
                audit.Record(http, call.Caller, call.Rule.Method, call.Subject, fault.StatusCode, fault.Status.Detail);
            if (ReferenceEquals(fault, e))
                throw;
            throw fault;
        }
    }

    private RpcException Translate(Exception e, ServerCallContext context, GuardedCall call)
    {
        switch (e)
        {
            case RpcException already:
                return already;
            case McpException fault:
                if (fault.Code is FaultCode.Internal or FaultCode.DataLoss)
                    LogBroken(call.Rule.Method, Printable.Block(fault.Describe()), fault);
                return RpcFault.ToRpc(fault);
            case OperationCanceledException when context.CancellationToken.IsCancellationRequested:
                return new RpcException(new Status(
                    context.Deadline <= DateTime.UtcNow ? StatusCode.DeadlineExceeded : StatusCode.Cancelled, "the call ended before its answer"));
            case OperationCanceledException:
                return RpcFault.ToRpc(new McpException(FaultCode.Unavailable, $"{call.Rule.Method} was interrupted") { Hint = "the role may be stopping; try again" });
            default:
                // What broke stays here: its words may hold paths or data that the caller has no right to. The reference finds it in the log.
                var reference = Guid.NewGuid().ToString("N")[..12];
                LogUnexpected(call.Rule.Method, call.Caller.ToString(), reference, e);
                return RpcFault.ToRpc(new McpException(FaultCode.Internal, $"{call.Rule.Method} failed unexpectedly (reference {reference})")
                {
                    Hint = $"the role's log tells more: journalctl -u 'mcp-*' | grep {reference}",
                });
        }
    }

    /// <summary>One call with its rule; remembers what it turned out to be about.</summary>
    internal sealed class GuardedCall(MethodRule rule, Caller caller, Authorizer authorizer)
    {
        public MethodRule Rule => rule;

        public Caller Caller => caller;

        /// <summary>The services or the node that the request named.</summary>
        public string? Subject { get; private set; }

        /// <summary>Whether a request was refused for what it is about.</summary>
        public bool Denied { get; private set; }

        /// <exception cref="McpException">The caller may not make this request.</exception>
        public void Check(object message)
        {
            if (message is not IMessage proto || rule.Scope is null)
                return;
            if (rule.Scope(proto) is { } scope)
                Subject ??= scope.Node ?? (scope.Services is null ? null : string.Join(", ", scope.Services));
            if (authorizer.CheckRequest(rule, caller, proto) is { } refused)
            {
                Denied = true;
                throw refused;
            }
        }
    }

    /// <summary>
    /// A stream of requests of which each is checked. Where the rule looks at requests, the first is read and checked before the method begins, and
    /// it must say what the stream is about.
    /// </summary>
    private sealed class GuardedReader<T>(IAsyncStreamReader<T> inner, GuardedCall call) : IAsyncStreamReader<T>
    {
        private static readonly TimeSpan FirstMessage = TimeSpan.FromSeconds(30);

        private bool _replay;

        public T Current => inner.Current;

        public static async Task<IAsyncStreamReader<T>> OpenAsync(IAsyncStreamReader<T> inner, GuardedCall call, CancellationToken ct)
        {
            var reader = new GuardedReader<T>(inner, call);
            if (call.Rule.Scope is null)
                return reader;
            try
            {
                if (!await inner.MoveNext(ct).WaitAsync(FirstMessage, ct))
                    throw new McpException(FaultCode.InvalidArgument, $"{call.Rule.Method}: the stream ended before its first message");
            }
            catch (TimeoutException)
            {
                throw new McpException(FaultCode.DeadlineExceeded, $"{call.Rule.Method}: no first message within {FirstMessage.TotalSeconds:0} s");
            }
            if (inner.Current is IMessage first && call.Rule.Scope(first) is null)
                throw new McpException(FaultCode.InvalidArgument, $"{call.Rule.Method}: the first message does not say what the stream is about");
            call.Check(inner.Current!);
            reader._replay = true;
            return reader;
        }

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (_replay)
            {
                _replay = false;
                return true;
            }
            if (!await inner.MoveNext(cancellationToken))
                return false;
            call.Check(inner.Current!);
            return true;
        }
    }
}
