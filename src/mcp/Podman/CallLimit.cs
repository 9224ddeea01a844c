namespace Mcp.Podman;

/// <summary>The time a call may take, joined with the caller's own token; afterwards it can be said which of the two ended it.</summary>
internal sealed class CallLimit : IDisposable
{
    private readonly CancellationTokenSource _timer;
    private readonly CancellationTokenSource _both;
    private readonly CancellationToken _caller;

    /// <summary>Starts the time.</summary>
    public CallLimit(TimeSpan timeout, TimeProvider clock, CancellationToken caller)
    {
        Timeout = timeout;
        _caller = caller;
        _timer = new CancellationTokenSource(timeout, clock);
        _both = CancellationTokenSource.CreateLinkedTokenSource(_timer.Token, caller);
    }

    /// <summary>What the call may take.</summary>
    public TimeSpan Timeout { get; }

    /// <summary>Ends when either does.</summary>
    public CancellationToken Token => _both.Token;

    /// <summary>Whether the caller gave up.</summary>
    public bool Cancelled => _caller.IsCancellationRequested;

    /// <summary>Whether the time ran out, and not the caller's patience.</summary>
    public bool Expired => _timer.IsCancellationRequested && !Cancelled;

    /// <inheritdoc/>
    public void Dispose()
    {
        _both.Dispose();
        _timer.Dispose();
    }
}
