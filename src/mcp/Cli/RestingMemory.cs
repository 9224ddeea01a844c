using System.Runtime.InteropServices;

namespace Mcp.Cli;

/// <summary>
/// Gives memory back while a role has little to do. The collector lets garbage grow in proportion to the processor's cache before it first looks,
/// which on a server is more than all that a role keeps; on a node, that memory belongs to the services. So every <see cref="Pause"/>
/// in which little was made, but something since the last time, everything is collected and returned: a few milliseconds, a few times an hour
/// on an idle fleet. The master of a large fleet, and an agent that looks at many containers, never make little; there it is done when much more is
/// held than after the last time, and no burst is under way.
/// </summary>
internal sealed partial class RestingMemory : IDisposable
{
    /// <summary>How often it is looked at.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(15);

    // Bytes made since the last look: above, there is work to do and a pause would be felt.
    private const long Quiet = 2 << 20;

    // Bytes made since the last look that a large fleet makes at rest: above, the burst is not over.
    private const long Calm = 96 << 20;

    // Bytes made since the last collection, or held beyond what was left by it and its share: below, there is nothing to win.
    private const long Worth = 3 << 20;

    // Bytes left: from here on a collection takes long enough to be felt, and half as much again is waited for. Below it takes milliseconds, and an eighth is worth
    // them (an agent with 20 services: 45 MB left, 63 MB held for good without it).
    private const long Large = 96 << 20;

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
        var isOver = since < Quiet ? made - _collected >= Worth : since < Calm && _held() > _left + (_left / (_left < Large ? 8 : 2)) + Worth;
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
