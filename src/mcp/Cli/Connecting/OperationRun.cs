using Grpc.Core;
using Mcp.Cli.Output;
using Mcp.Errors;
using Mcp.Names;
using Mcp.V1;

namespace Mcp.Cli.Connecting;

/// <summary>
/// One accepted change, from the operator's side:
/// 1 an id is chosen here, so that whatever happens to the connection, everybody means the same operation;
/// 2 the call is made, and its progress is read beside it with Watch under the same id;
/// 3 if the connection breaks, the same call is repeated with the same id: the master answers with the outcome of the one operation, and
///   never runs it twice. What happened is asked, not guessed;
/// 4 Ctrl-C lets go of it and says how to come back.
/// With <c>summaryFollows</c> the caller prints skipped steps and warnings itself.
/// </summary>
internal sealed class OperationRun(CommandContext context, FleetLink link, string what, bool summaryFollows = false, TimeSpan? limit = null)
{
    /// <summary>How long a broken connection is tried again; the operation itself has no part in this.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Longer than any time limit of the master's own, which is the one that should be hit.</summary>
    private static readonly TimeSpan CallLimit = TimeSpan.FromMinutes(30);

    /// <summary>The operation's id.</summary>
    public OperationId Id { get; } = OperationId.New(context.Clock);

    /// <summary>Makes the call and answers its response.</summary>
    /// <exception cref="McpException">Refused, failed, or the master stayed away.</exception>
    /// <exception cref="DetachedException">The operator pressed Ctrl-C.</exception>
    public async Task<T> CallAsync<T>(Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancel)
    {
        await using var display = ProgressDisplay.Open(context, summaryFollows);
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var watch = WatchAsync(display, watching.Token);
        try
        {
            var response = await InsistAsync(call, cancel);
            // The last events are on their way; a moment for them, so that the steps above the summary are whole.
            await Task.WhenAny(watch, Task.Delay(TimeSpan.FromMilliseconds(300), cancel));
            return response;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw new DetachedException(Id, what);
        }
        finally
        {
            await watching.CancelAsync();
            await watch;
        }
    }

    private async Task<T> InsistAsync<T>(Func<CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancel)
    {
        var options = new CallOptions(OperationCalls.Headers(Id), deadline: DateTime.UtcNow + (limit ?? CallLimit), cancellationToken: cancel);
        var until = context.Clock.GetUtcNow() + Patience;
        var pause = TimeSpan.FromMilliseconds(250);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await call(options);
            }
            // Nobody was there at the first try: nothing was begun, so there is nothing to come back to.
            catch (McpException e) when (ConnectionFault.Broke(e) && (attempt > 1 || _seen > 0 || !ConnectionFault.NeverStood(e)) && context.Clock.GetUtcNow() < until)
            {
                if (attempt == 1 || attempt % 10 == 0)
                    context.Reporter.Note($"the connection broke; asking again for operation {Id}");
                await Task.Delay(pause, context.Clock, cancel);
                pause = TimeSpan.FromMilliseconds(Math.Min(5000, pause.TotalMilliseconds * 2));
            }
            // A master that came back may still be asking the node about this very operation, and says that it is open.
            catch (McpException e) when (attempt > 1 && e.Message.Contains(Id.Value, StringComparison.Ordinal) && context.Clock.GetUtcNow() < until)
            {
                await Task.Delay(TimeSpan.FromSeconds(2), context.Clock, cancel);
            }
            catch (McpException e) when ((ConnectionFault.Broke(e) || ConnectionFault.TimedOut(e)) && (attempt > 1 || _seen > 0))
            {
                throw new McpException(e.Code, $"{what}: the outcome is not known", e)
                {
                    Cause = e.Message,
                    State = "the operation runs to success or put-back without this terminal",
                    Hint = $"mcp watch {Id}",
                };
            }
        }
    }

    // Events seen so far; above zero, the master has accepted the operation.
    private ulong _seen;

    private async Task WatchAsync(ProgressDisplay display, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var request = new WatchRequest { Operation = Id.Value, After = _seen };
                using var stream = link.ToAgent
                    ? link.Agent.Watch(request, cancellationToken: stop)
                    : link.Master.Watch(request, cancellationToken: stop);
                await foreach (var e in stream.ResponseStream.ReadAllAsync(stop))
                {
                    _seen = Math.Max(_seen, e.Sequence);
                    display.Show(e);
                    if (e.Outcome is not null)
                        return;
                }
            }
            catch (Exception e) when (e is McpException or RpcException or OperationCanceledException or IOException)
            {
                // Only the picture is missing: the call itself says what became of it. An id that is not known yet appears in a moment.
            }
            try
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), stop);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
