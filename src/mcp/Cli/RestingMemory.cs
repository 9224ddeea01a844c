using System.Runtime.InteropServices;

namespace Mcp.Cli;

/// <summary>
/// Gives memory back while a role has little to do. The collector lets garbage grow in proportion to the processor's cache before it first looks,
/// which on a server is more than all that a role keeps; on a node, that memory belongs to the services. So every <see cref="Pause"/>
/// in which little was made, but something since the last time, everything is collected and returned: a few milliseconds, a few times an hour
/// on an idle fleet. The master of a large fleet never makes little; there it is done after a burst (all nodes at once, somebody who looked), when
/// much more is held than after the last time.
/// </summary>
internal sealed partial class RestingMemory : IDisposable
{
    /// <summary>How often it is looked at.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(15);

    // Bytes made since the last look: above, there is work to do and a pause would be felt.
    private const long Quiet = 2 << 20;

    // Bytes made since the last look that a large fleet makes at rest: above, the burst is not over.
    private const long Calm = 96 << 20;

    // Bytes made since the last collection, or held beyond half as much again as after it: below, there is nothing to win.
    private const long Worth = 3 << 20;

    private readonly ITimer _timer;
    private readonly Func<long> _made, _held;
    private readonly Action _collect;
    private long _seen, _collected, _left;

    /// <summary>Looks after the memory of this process until it is disposed.</summary>
    public RestingMemory(TimeProvider clock)
        : this(clock, () => GC.GetTotalAllocatedBytes(), Resident, Collect)
    {
    }

    internal RestingMemory(TimeProvider clock, Func<long> made, Func<long> held, Action collect)
    {
        (_made, _held, _collect) = (made, held, collect);
        _timer = clock.CreateTimer(_ => Look(), null, Pause, Pause);
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        var made = _made();
        var since = made - _seen;
        _seen = made;
        var isOver = since < Quiet ? made - _collected >= Worth : since < Calm && _held() > _left + _left / 2 + Worth;
        if (!isOver)
            return;
        _collect();
        (_collected, _left) = (made, _held());
    }

    // What the whole process holds: connections hold as much outside of the collector's heap as in it.
    private static long Resident() => Environment.WorkingSet;

    private static void Collect()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _ = Trim(0);
    }

    // malloc_trim(3): what native code freed goes back to the kernel, too.
    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);
}
