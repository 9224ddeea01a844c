namespace Mcp.Cli;

/// <summary>
/// Gives memory back while a role has little to do. The collector lets garbage grow in proportion to the processor's cache before it first looks,
/// which on a server is more than all that a role keeps; on a node, that memory belongs to the services. So every <see cref="Pause"/>
/// in which little was made, but something since the last time, everything is collected and returned: a few milliseconds, a few times an hour
/// on an idle fleet.
/// </summary>
internal sealed class RestingMemory : IDisposable
{
    /// <summary>How often it is looked at.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(15);

    // Bytes made since the last look: above, there is work to do and a pause would be felt.
    private const long Quiet = 2 << 20;

    // Bytes made since the last collection: below, there is nothing to win.
    private const long Worth = 3 << 20;

    private readonly ITimer _timer;
    private readonly Func<long> _made;
    private readonly Action _collect;
    private long _seen, _collected;

    /// <summary>Looks after the memory of this process until it is disposed.</summary>
    public RestingMemory(TimeProvider clock)
        : this(clock, () => GC.GetTotalAllocatedBytes(), () => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true))
    {
    }

    internal RestingMemory(TimeProvider clock, Func<long> made, Action collect)
    {
        (_made, _collect) = (made, collect);
        _timer = clock.CreateTimer(_ => Look(), null, Pause, Pause);
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        var made = _made();
        var quiet = made - _seen < Quiet;
        _seen = made;
        if (!quiet || made - _collected < Worth)
            return;
        _collect();
        _collected = made;
    }
}
