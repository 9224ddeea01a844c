using Mcp.Errors;
using Mcp.Names;

namespace Mcp.Operations;

/// <summary>
/// One operation per service at a time. A second one waits, is told for what it waits, and gives up after its time limit; nothing waits
/// silently. Locks live in memory: they end with the process, and the journal decides what a killed holder left behind.
/// </summary>
internal sealed class ServiceLocks(TimeProvider clock)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    // How often each service was held; one number for every service that ever was.
    private readonly Dictionary<string, long> _turns = new(StringComparer.Ordinal);

    /// <summary>Waits until the service is free and holds it until the result is disposed.</summary>
    /// <param name="service">The service.</param>
    /// <param name="holder">Who asks, in words that follow "is held by": "deploy 0198… of human/alice".</param>
    /// <param name="timeout">How long to wait at most.</param>
    /// <param name="onWaiting">Told once, when there is something to wait for, what that is.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="McpException">The holder did not finish in time (<see cref="FaultCode.Aborted"/>).</exception>
    public async Task<IDisposable> AcquireAsync(
        ServiceName service, string holder, TimeSpan timeout, Action<string>? onWaiting, CancellationToken cancellation)
    {
        var entry = Join(service.Value);
        var entered = false;
        try
        {
            entered = await entry.Turn.WaitAsync(TimeSpan.Zero, cancellation);
            if (!entered)
            {
                Ask(entry);
                onWaiting?.Invoke($"waiting: {service} is held by {entry.Holder}");
                entered = await WaitAsync(entry.Turn, timeout, cancellation);
            }
            if (!entered)
            {
                throw new McpException(FaultCode.Aborted, $"{service} is busy: {entry.Holder} did not finish within {timeout.TotalSeconds:0} s")
                {
                    Hint = "mcp watch <id> shows how far it is; try again when it is done",
                };
            }
            return Hold(service.Value, entry, holder);
        }
        finally
        {
            if (!entered)
                Leave(service.Value, entry);
        }
    }

    /// <summary>Who holds the service now, or null.</summary>
    public string? HolderOf(ServiceName service)
    {
        lock (_gate)
            return _entries.TryGetValue(service.Value, out var entry) ? entry.Holder : null;
    }

    /// <summary>Takes the service only if nobody holds it: for work that steps back, as a scheduled snapshot.</summary>
    /// <param name="service">The service.</param>
    /// <param name="holder">Who asks.</param>
    /// <param name="onWanted">Called, perhaps at once and more than once, when somebody waits: the holder then gives way.</param>
    public IDisposable? TryAcquire(ServiceName service, string holder, Action? onWanted = null)
    {
        var entry = Join(service.Value);
        if (!entry.Turn.Wait(0))
        {
            Leave(service.Value, entry);
            return null;
        }
        var held = Hold(service.Value, entry, holder, onWanted);
        // Whoever came between found nobody to ask.
        bool wanted;
        lock (_gate)
            wanted = entry.Interested > 1;
        if (wanted)
            onWanted?.Invoke();
        return held;
    }

    /// <summary>
    /// How often the service was held so far; null while it is held. Equal before and after a look: nobody worked on the service meanwhile, so what was
    /// seen is nobody's half-done work.
    /// </summary>
    public long? TurnOf(ServiceName service)
    {
        lock (_gate)
            return _entries.TryGetValue(service.Value, out var entry) && entry.Holder is not null ? null : _turns.GetValueOrDefault(service.Value);
    }

    private void Ask(Entry entry)
    {
        Action? ask;
        lock (_gate)
            ask = entry.OnWanted;
        ask?.Invoke();
    }

    private Held Hold(string service, Entry entry, string holder, Action? onWanted = null)
    {
        lock (_gate)
        {
            entry.Holder = holder;
            entry.OnWanted = onWanted;
            _turns[service] = _turns.GetValueOrDefault(service) + 1;
        }
        return new Held(this, service, entry);
    }

    private async Task<bool> WaitAsync(SemaphoreSlim turn, TimeSpan timeout, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await turn.WaitAsync(either.Token);
            return true;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    private Entry Join(string service)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(service, out var entry))
                _entries.Add(service, entry = new Entry());
            entry.Interested++;
            return entry;
        }
    }

    private void Leave(string service, Entry entry)
    {
        lock (_gate)
        {
            if (--entry.Interested == 0)
                _entries.Remove(service);
        }
    }

    private sealed class Entry
    {
        public SemaphoreSlim Turn { get; } = new(1, 1);

        public int Interested { get; set; }

        public string? Holder { get; set; }

        public Action? OnWanted { get; set; }
    }

    private sealed class Held(ServiceLocks locks, string service, Entry entry) : IDisposable
    {
        private int _released;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _released, 1) != 0)
                return;
            (entry.Holder, entry.OnWanted) = (null, null);
            entry.Turn.Release();
            locks.Leave(service, entry);
        }
    }
}
