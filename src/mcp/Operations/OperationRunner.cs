using Mcp.Errors;
using Mcp.Names;
using Mcp.V1;

namespace Mcp.Operations;

/// <summary>
/// Runs operations detached from the calls that asked for them. A call that is cut changes nothing: the operation goes on to success or
/// put-back, and the same id asked again joins it. Only the end of the process cancels it, at the body's next safe point; what it left is
/// in the role's journal, which also answers for ids of earlier processes (the body asks it first).
/// </summary>
internal sealed class OperationRunner(OperationFeed feed, string node, TimeProvider clock) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Running> _running = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Runs <paramref name="body"/> under <paramref name="id"/>, or joins it where it runs already.</summary>
    /// <param name="id">The caller's id.</param>
    /// <param name="request">What is asked, in a form that two equal requests share (kind, service, hash of the message).</param>
    /// <param name="body">The work. Its token is cancelled only when the process ends.</param>
    /// <param name="call">Ends the waiting of this call, not the work.</param>
    /// <param name="failure">For an answer that itself tells of a failure: what watchers hear; null: it is a success.</param>
    /// <exception cref="McpException">The id was used for another request, the process is ending, or the body failed.</exception>
    public Task<T> RunAsync<T>(
        OperationId id,
        string request,
        Func<OperationScope, CancellationToken, Task<T>> body,
        CancellationToken call,
        Func<T, ErrorDetail?>? failure = null)
    {
        Task<T> work;
        lock (_gate)
        {
            if (_running.TryGetValue(id.Value, out var running))
            {
                if (running.Request != request || running.Work is not Task<T> same)
                {
                    throw new McpException(FaultCode.InvalidArgument, $"the operation id {id} is in use for another request")
                    {
                        Hint = "leave the id out, or choose a new one, for a new change",
                    };
                }
                work = same;
            }
            else
            {
                if (_stopping.IsCancellationRequested)
                    throw new McpException(FaultCode.Unavailable, "the process is ending; the operation was not begun") { Hint = "try again in a moment" };
                var scope = new OperationScope(id, node, feed, clock);
                // Task.Run: the body must not run its synchronous beginning under the lock.
                work = Task.Run(() => WatchedAsync(scope, body, failure), CancellationToken.None);
                _running.Add(id.Value, new Running(request, work));
                _ = work.ContinueWith(_ => Forget(id), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
        }
        return work.WaitAsync(call);
    }

    /// <summary>Whether the operation runs in this process.</summary>
    public bool IsRunning(OperationId id)
    {
        lock (_gate)
            return _running.ContainsKey(id.Value);
    }

    /// <summary>Asks every body to stop at its next safe point and waits for them, at most <paramref name="limit"/>.</summary>
    public async Task StopAsync(TimeSpan limit)
    {
        Task[] open;
        lock (_gate)
        {
            _stopping.Cancel();
            open = [.. _running.Values.Select(r => r.Work)];
        }
        try
        {
            await Task.WhenAll(open).WaitAsync(limit, clock);
        }
        catch (Exception e) when (e is TimeoutException or McpException or OperationCanceledException)
        {
            // Failures were reported to their callers; what did not stop in time is finished or put back from the journal at the next start.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stopping.Dispose();

    private async Task<T> WatchedAsync<T>(OperationScope scope, Func<OperationScope, CancellationToken, Task<T>> body, Func<T, ErrorDetail?>? failure)
    {
        try
        {
            var result = await body(scope, _stopping.Token);
            var failed = failure?.Invoke(result);
            Publish(scope, new OperationOutcome { Success = failed is null, Error = failed });
            return result;
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            var fault = scope.Located(new McpException(FaultCode.Unavailable, "the process ended while the operation ran; it is finished or put back when it starts again")
            {
                Hint = $"mcp watch {scope.Id}",
            });
            Publish(scope, new OperationOutcome { Error = fault.ToDetail() });
            throw fault;
        }
        catch (McpException e)
        {
            var fault = scope.Located(e);
            Publish(scope, new OperationOutcome { Error = fault.ToDetail() });
            throw fault;
        }
        catch (Exception e)
        {
            var fault = scope.Located(new McpException(FaultCode.Internal, $"the operation failed unexpectedly: {e.GetType().Name}", e) { Cause = e.Message });
            Publish(scope, new OperationOutcome { Error = fault.ToDetail() });
            throw fault;
        }
    }

    private void Publish(OperationScope scope, OperationOutcome outcome) =>
        feed.Publish(new OperationEvent { Operation = scope.Id.Value, Node = node, Step = scope.CurrentStep, Outcome = outcome });

    private void Forget(OperationId id)
    {
        lock (_gate)
            _running.Remove(id.Value);
    }

    private sealed record Running(string Request, Task Work);
}
