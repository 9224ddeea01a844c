using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace Mcp.Transport;

/// <summary>
/// The memory of the server's connections, in blocks of 32 KiB. The server's own blocks have 4 KiB, and each of them becomes a TLS record, an encryption and a system call of
/// its own: on a stream of data most of the work. A full record has 16 KiB, and two of them fit with their frames.
/// A connection that is silent holds no block, so nothing is lost on many quiet ones.
/// </summary>
internal sealed class WideBlocks : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    private const int BlockBytes = 32 * 1024;

    // What stays for the next stream; the rest goes back with the next collection.
    private const int MostKept = 128;

    private readonly ConcurrentQueue<byte[]> _kept = new();

    /// <inheritdoc/>
    public override int MaxBufferSize => BlockBytes;

    /// <inheritdoc/>
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => this;

    /// <inheritdoc/>
    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        // Pinned, since the kernel reads and writes it; not cleared, since it is always written first.
        return new Block(this, _kept.TryDequeue(out var kept) ? kept : GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        // Several listeners share it, and each disposes what it was given: it lives as long as the process.
    }

    private sealed class Block(WideBlocks pool, byte[] bytes) : IMemoryOwner<byte>
    {
        private byte[]? _bytes = bytes;

        public Memory<byte> Memory => _bytes ?? throw new ObjectDisposedException(nameof(Block));

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _bytes, null) is { } back && pool._kept.Count < MostKept)
                pool._kept.Enqueue(back);
        }
    }
}
