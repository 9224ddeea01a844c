using System.Globalization;
using System.Runtime.CompilerServices;
using Mcp.V1;

namespace Mcp.Operations;

/// <summary>
/// The progress of running and recently finished operations, for any number of watchers that may come late and come back. An event's
/// sequence counts from 1 without gaps. Kept in memory: what must outlive the process is in the role's journal.
/// </summary>
internal sealed class OperationFeed(TimeProvider clock)
{
    /// <summary>A feed that produces more than this drops further progress (never results and never the outcome): a watcher's memory is bounded.</summary>
    public const int MaxEvents = 10_000;

    private static readonly TimeSpan KeepFinished = TimeSpan.FromMinutes(30);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Log> _logs = new(StringComparer.Ordinal);

    /// <summary>Adds one event; sequence and time are set here. Events after the outcome are ignored.</summary>
    public void Publish(OperationEvent happened)
    {
        lock (_gate)
        {
            var log = LogOf(happened.Operation);
            if (log.Finished is not null)
                return;
            if (log.Events.Count >= MaxEvents && happened.Result is null && happened.Outcome is null)
                return;
            happened.Sequence = (ulong)log.Events.Count + 1;
            if (happened.At.Length == 0)
                happened.At = clock.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            log.Events.Add(happened);
            if (happened.Outcome is not null)
                log.Finished = clock.GetUtcNow();
            var changed = log.Changed;
            log.Changed = NewSignal();
            changed.TrySetResult();
        }
    }

    /// <summary>Whether the operation is running or finished not long ago.</summary>
    public bool Knows(string operation)
    {
        lock (_gate)
            return _logs.ContainsKey(operation);
    }

    /// <summary>
    /// All events after <paramref name="after"/>, then the new ones as they come, until the outcome. An operation that nobody has
    /// published yet is waited for (a watcher may overtake the call that it watches) for <paramref name="patience"/>, then the stream is empty.
    /// </summary>
    public async IAsyncEnumerable<OperationEvent> WatchAsync(
        string operation, ulong after, TimeSpan patience, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var next = (int)Math.Min(after, int.MaxValue);
        while (true)
        {
            OperationEvent[] fresh;
            Task changed;
            bool started;
            lock (_gate)
            {
                var log = LogOf(operation);
                // More than there ever was: the watcher comes from an earlier process, which counted for itself. It is told everything of this one.
                if (next > log.Events.Count && log.Events.Count > 0)
                    next = 0;
                // And whoever has seen the end hears it again, and no more.
                if (log.Finished is not null)
                    next = Math.Min(next, log.Events.Count - 1);
                fresh = [.. log.Events.Skip(next)];
                changed = log.Changed.Task;
                started = log.Events.Count > 0;
                if (!started)
                    log.Created = clock.GetUtcNow();
            }
            foreach (var happened in fresh)
            {
                yield return happened;
                if (happened.Outcome is not null)
                    yield break;
            }
            next += fresh.Length;
            if (started)
            {
                await changed.WaitAsync(cancellation);
                continue;
            }
            if (!await BeginsWithinAsync(changed, patience, cancellation))
                yield break;
        }
    }

    private async Task<bool> BeginsWithinAsync(Task changed, TimeSpan patience, CancellationToken cancellation)
    {
        try
        {
            await changed.WaitAsync(patience, clock, cancellation);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private Log LogOf(string operation)
    {
        if (_logs.TryGetValue(operation, out var log))
            return log;
        var now = clock.GetUtcNow();
        foreach (var (id, old) in _logs.Where(l => (l.Value.Finished ?? (l.Value.Events.Count == 0 ? l.Value.Created : now)) < now - KeepFinished).ToList())
            _logs.Remove(id);
        _logs.Add(operation, log = new Log { Created = now });
        return log;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Log
    {
        public List<OperationEvent> Events { get; } = [];

        public TaskCompletionSource Changed { get; set; } = NewSignal();

        public DateTimeOffset Created { get; set; }

        public DateTimeOffset? Finished { get; set; }
    }
}
