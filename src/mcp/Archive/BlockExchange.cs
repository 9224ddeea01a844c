using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Mcp.Archive;

/// <summary>
/// Blocks of bytes that go full from one thread to another and come back empty. There are few of them: whoever is faster waits for the other, and memory stays flat.
/// One thread fills, one empties; both may be ended by either side.
/// </summary>
#pragma warning disable CA1001 // Collections and a source whose wait handles nobody asks for hold nothing to dispose of, and either side may be the last.
internal sealed class BlockExchange
#pragma warning restore CA1001
{
    /// <summary>Bytes of a block. Handing one over costs a wake-up of the other thread; with this size that is nothing beside the digest of it.</summary>
    public const int BlockBytes = 256 * 1024;

    // Enough that neither side waits for the other's unevenness (a compressor takes pieces of 2 MiB, a disk's flush holds a writer up), and no more memory than a window.
    private const int Blocks = 8;

    private readonly BlockingCollection<byte[]> _empty = new(Blocks);
    private readonly BlockingCollection<ArraySegment<byte>> _full = new(Blocks);
    private readonly CancellationTokenSource _stop = new();
    private ExceptionDispatchInfo? _fault;
    private int _made;

    /// <summary>Whether one side has given up.</summary>
    public bool IsStopped => _stop.IsCancellationRequested;

    /// <summary>For the side that fills: an empty block, when there is one.</summary>
    /// <exception cref="OperationCanceledException">The other side has given up; <see cref="ThrowFault"/> says why.</exception>
    public byte[] TakeEmpty()
    {
        _stop.Token.ThrowIfCancellationRequested();
        if (_empty.TryTake(out var block))
            return block;
        if (_made == Blocks)
            return _empty.Take(_stop.Token);
        // Made when they are needed: a small archive needs one or two.
        _made++;
        return GC.AllocateUninitializedArray<byte>(BlockBytes);
    }

    /// <summary>For the side that fills: hands over.</summary>
    public void Give(byte[] block, int length) => _full.Add(new ArraySegment<byte>(block, 0, length));

    /// <summary>For the side that fills: nothing follows. What was handed over before is still taken.</summary>
    /// <param name="fault">Why it ended early; null: that was all.</param>
    public void End(Exception? fault = null)
    {
        Keep(fault);
        _full.CompleteAdding();
    }

    /// <summary>For the side that empties: the next full block, when there is one; false at the end.</summary>
    /// <exception cref="Exception">What the other side ended with, once all before it was taken.</exception>
    public bool TryTakeFull(out ArraySegment<byte> block)
    {
        if (_full.TryTake(out block, Timeout.Infinite))
            return true;
        ThrowFault();
        return false;
    }

    /// <summary>For the side that empties: gives one back.</summary>
    public void Return(ArraySegment<byte> block)
    {
        if (block.Array is { } array)
            _empty.Add(array);
    }

    /// <summary>Ends both sides; a side that waits for an empty block is woken.</summary>
    /// <param name="fault">Why; null: nobody wants the rest.</param>
    public void Stop(Exception? fault = null)
    {
        Keep(fault);
        _stop.Cancel();
    }

    /// <summary>Throws what the other side ended with, if it ended with something.</summary>
    public void ThrowFault() => Volatile.Read(ref _fault)?.Throw();

    private void Keep(Exception? fault)
    {
        if (fault is not null)
            Interlocked.CompareExchange(ref _fault, ExceptionDispatchInfo.Capture(fault), null);
    }
}
