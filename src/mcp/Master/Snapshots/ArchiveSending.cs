using Google.Protobuf;
using Grpc.Core;
using Mcp.Confinement;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Master.Snapshots;

/// <summary>
/// Streams a stored archive into a call: the first message, the file in pieces, the trailer. The receiver's pace is the sender's: a write waits for
/// the connection's window. A receiver that answers early has refused; why is in its answer, which the caller reads next.
/// </summary>
/// <param name="stream">The call's.</param>
/// <param name="start">What the first message says.</param>
/// <param name="put">Puts a piece into a message.</param>
/// <param name="end">The last message.</param>
/// <param name="make">An empty message.</param>
internal sealed class ArchiveSending<T>(IClientStreamWriter<T> stream, T start, Action<T, ByteString> put, Func<StreamTrailer, T> end, Func<T> make)
{
    // At most 1 MiB by contract. The receiver makes a new array for each, which is cheap below 85,000 bytes.
    private const int Piece = Frames.Chunk;

    // As a reader's patience: who takes nothing for so long is gone.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    /// <summary>Sends everything.</summary>
    /// <returns>False: the receiver has answered before it had everything.</returns>
    /// <exception cref="McpException">The file cannot be read, or the receiver takes nothing.</exception>
    public async Task<bool> RunAsync(string path, SnapshotRow row, Action<long> progress, CancellationToken cancellation)
    {
        await using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.Read | FileShare.Delete, Options = FileOptions.SequentialScan | FileOptions.Asynchronous, BufferSize = 0 });
        if (!await WriteAsync(start, cancellation))
            return false;
        var sent = 0L;
        // One for all: a write that has ended has put the message into the connection's own memory, and one that has not is the last.
        var buffer = new byte[Piece];
        while (true)
        {
            var length = await file.ReadAtLeastAsync(buffer, Piece, throwOnEndOfStream: false, cancellation);
            if (length == 0)
                break;
            var message = make();
            put(message, UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, length)));
            if (!await WriteAsync(message, cancellation))
                return false;
            progress(sent += length);
        }
        if (sent != row.SizeBytes)
            throw new McpException(FaultCode.DataLoss, $"the snapshot {row.Filename} of {row.Service} changed while it was read");
        if (!await WriteAsync(end(row.Trailer), cancellation))
            return false;
        try
        {
            await stream.CompleteAsync();
            return true;
        }
        catch (Exception e) when (e is McpException or InvalidOperationException or RpcException)
        {
            return false;
        }
    }

    private async Task<bool> WriteAsync(T message, CancellationToken cancellation)
    {
        try
        {
            await stream.WriteAsync(message, cancellation).WaitAsync(Silence, cancellation);
            return true;
        }
        catch (TimeoutException e)
        {
            throw new McpException(FaultCode.DeadlineExceeded, $"the node took no data for {Silence.TotalSeconds:0} s", e) { Hint = "is the link slow or cut, or its disk? try again" };
        }
        catch (Exception e) when (e is McpException or InvalidOperationException or RpcException)
        {
            return false;
        }
    }
}
