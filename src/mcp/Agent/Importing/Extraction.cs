using System.Threading.Channels;
using Mcp.Archive;
using Mcp.Native;
using Mcp.V1;

namespace Mcp.Agent.Importing;

/// <summary>
/// An extraction under way: pieces of the compressed stream go in as they come, and at the end the tree is completed. Few pieces wait at a time,
/// so a slow disk slows the sender and memory stays flat.
/// </summary>
internal sealed class Extraction : IAsyncDisposable
{
    // Of at most 1 MiB each.
    private const int Ahead = 8;

    private readonly Channel<ReadOnlyMemory<byte>> _pieces = Channel.CreateBounded<ReadOnlyMemory<byte>>(new BoundedChannelOptions(Ahead) { SingleReader = true, SingleWriter = true });
    private readonly CancellationTokenSource _end = new();
    private readonly TreeIntake _intake;
    private readonly string _folder;
    private readonly Task<StreamTrailer> _work;

    private Extraction(IntakeOrder order, string folder)
    {
        (_intake, _folder) = (new TreeIntake(order), folder);
        // A thread of its own: it blocks, on the stream and on the disk.
        _work = Task.Factory.StartNew(Extract, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Bytes of content that the archive brought; known at its end.</summary>
    public long Bytes => _intake.Bytes;

    /// <summary>Begins an extraction into an empty folder.</summary>
    public static Extraction Begin(IntakeOrder order, string folder) => new(order, folder);

    /// <summary>Hands in the next piece of the stream, when there is room for it.</summary>
    /// <exception cref="ArchiveException">The archive was refused.</exception>
    /// <exception cref="IOException">The disk is full or failed.</exception>
    public async Task WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        try
        {
            await _pieces.Writer.WriteAsync(piece, cancellation);
        }
        catch (ChannelClosedException)
        {
            // It has ended already, and says why.
            await _work;
            throw new ArchiveException("has something after its end");
        }
    }

    /// <summary>The stream is over: what it came to.</summary>
    /// <exception cref="ArchiveException">The archive was refused.</exception>
    /// <exception cref="IOException">The disk is full or failed.</exception>
    public async Task<StreamTrailer> EndAsync(CancellationToken cancellation)
    {
        _pieces.Writer.TryComplete();
        return await _work.WaitAsync(cancellation);
    }

    /// <summary>Completes the tree where it is; see <see cref="TreeIntake.Complete"/>.</summary>
    public Task<IReadOnlyList<DatabaseCopy>> CompleteAsync(IEnumerable<DatabaseCopy> copies) => Task.Run(() =>
    {
        using var tree = Folder.Open(_folder);
        return TreeIntake.Complete(tree, copies, _end.Token);
    });

    /// <summary>Lays the tree over a copy of <paramref name="now"/> in the empty folder <paramref name="result"/>; see <see cref="TreeIntake.Overlay"/>.</summary>
    public Task<IReadOnlyList<DatabaseCopy>> OverlayAsync(string now, string result, IEnumerable<DatabaseCopy> copies) => Task.Run(() =>
    {
        using var part = Folder.Open(_folder);
        using var there = Folder.Open(now);
        using var to = Folder.Open(result);
        return _intake.Overlay(part, there, to, copies, _end.Token);
    });

    /// <summary>Ends whatever is still going on; nothing writes to the folder any more when this returns.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _pieces.Writer.TryComplete(new OperationCanceledException());
        await ((Task)_work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
    }

    private StreamTrailer Extract()
    {
        try
        {
            using var into = Folder.Open(_folder);
            using var stream = new PieceStream(_pieces.Reader);
            return _intake.Extract(stream, into, _end.Token);
        }
        finally
        {
            _pieces.Writer.TryComplete();
        }
    }

    /// <summary>The pieces as one stream to be read.</summary>
    private sealed class PieceStream(ChannelReader<ReadOnlyMemory<byte>> pieces) : Stream
    {
        private ReadOnlyMemory<byte> _piece;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            while (_piece.Length == 0)
            {
                if (pieces.TryRead(out _piece))
                    continue;
                if (!pieces.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
                    return 0;
            }
            var length = Math.Min(buffer.Length, _piece.Length);
            _piece.Span[..length].CopyTo(buffer);
            _piece = _piece[length..];
            return length;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
