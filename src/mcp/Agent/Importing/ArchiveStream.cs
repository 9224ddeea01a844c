using Grpc.Core;
using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Agent.Importing;

/// <summary>One message of a stream that carries an archive, whatever the call.</summary>
/// <param name="Data">A piece of the compressed archive; empty: none.</param>
/// <param name="Trailer">The end; null: not yet.</param>
/// <param name="Waiting">The sender has nothing to send at the moment.</param>
/// <param name="Begins">It carries what only a first message may carry.</param>
internal readonly record struct ArchivePart(ReadOnlyMemory<byte> Data, StreamTrailer? Trailer, bool Waiting, bool Begins);

/// <summary>
/// Passes the archive of a stream on to an extraction: pieces of at most 1 MiB, none empty and not all of them crumbs; then the trailer, once, and
/// nothing behind it. A connection that ends is never the end of an archive; only the trailer is, and what came must be what it says.
/// </summary>
internal static class ArchiveStream
{
    private const int MostPieceBytes = 1024 * 1024;

    // A byte a message would cost a thousand times the work. Honest senders stay far above it, but for their last pieces.
    private const int LeastAverage = 256;
    private const int Unjudged = 4096;

    // Between two looks at the disk.
    private const long LookEvery = 64L << 20;

    /// <summary>Receives everything.</summary>
    /// <param name="first">The first message, which was read already.</param>
    /// <param name="next">The next message; null: the stream ended.</param>
    /// <param name="extraction">Where it goes.</param>
    /// <param name="dataRoot">The file system that must not fill up.</param>
    /// <param name="progress">Told the compressed bytes so far.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>The sender's trailer, which was compared, and what was dropped of entries.</returns>
    /// <exception cref="McpException">It is not one whole archive.</exception>
    public static async Task<(StreamTrailer Trailer, StreamTrailer Came)> ReceiveAsync(
        ArchivePart first, Func<CancellationToken, Task<ArchivePart?>> next, Extraction extraction, string dataRoot, Action<long> progress, CancellationToken ct)
    {
        StreamTrailer? trailer = null;
        long bytes = 0, pieces = 0, looked = 0;
        for (ArchivePart? at = first; at is { } part; at = await NextAsync(next, trailer is not null, ct))
        {
            if (trailer is not null)
                throw Malformed("something came after the trailer");
            if (pieces > 0 && part.Begins)
                throw Malformed("the stream began anew in its middle");
            pieces++;
            if (part.Data.Length > MostPieceBytes || (part.Data.Length == 0 && part is { Trailer: null, Waiting: false, Begins: false }))
                throw Malformed($"the stream has a piece of {part.Data.Length} bytes; 1 byte to 1 MiB are allowed");
            if (part.Data.Length > 0)
            {
                bytes += part.Data.Length;
                if (pieces > Unjudged && bytes / pieces < LeastAverage)
                    throw Malformed($"the stream comes in crumbs: {pieces} messages for {bytes} bytes");
                await extraction.WriteAsync(part.Data, ct);
                progress(bytes);
            }
            if (bytes - looked >= LookEvery)
            {
                looked = bytes;
                ImportRoom.RequireReserve(dataRoot);
            }
            trailer = part.Trailer;
        }
        if (trailer is null)
            throw new McpException(FaultCode.Aborted, "the stream ended without its trailer, so the archive is not whole") { State = "nothing was changed", Hint = "try again" };
        var came = await extraction.EndAsync(ct);
        Compare(trailer, came);
        return (trailer, came);
    }

    /// <summary>The next message of a call's stream.</summary>
    public static Func<CancellationToken, Task<ArchivePart?>> Of<T>(IAsyncStreamReader<T> stream, Func<T, ArchivePart> map) =>
        async ct => await stream.NextAsync(ct) ? map(stream.Current) : null;

    // Behind the trailer only something more would matter: a connection that breaks there breaks after everything was said.
    private static async Task<ArchivePart?> NextAsync(Func<CancellationToken, Task<ArchivePart?>> next, bool complete, CancellationToken ct)
    {
        try
        {
            return await next(ct);
        }
        catch (Exception e) when (complete && (e is OperationCanceledException or RpcException or IOException or InvalidOperationException))
        {
            return null;
        }
    }

    private static void Compare(StreamTrailer trailer, StreamTrailer came)
    {
        if (trailer.Sha256 == came.Sha256 && trailer.Bytes == came.Bytes && trailer.Entries == came.Entries)
            return;
        throw new McpException(FaultCode.DataLoss, "what arrived is not what was sent")
        {
            Cause = trailer.Bytes != came.Bytes ? $"{trailer.Bytes} bytes of tar were sent, {came.Bytes} arrived"
                : trailer.Entries != came.Entries ? $"{trailer.Entries} entries were sent, {came.Entries} arrived" : "the SHA-256 of the tar differs",
            State = "nothing was changed",
            Hint = "try again; if it stays so, look for a broken disk or network card, and verify the snapshot: mcp snapshot verify",
        };
    }

    private static McpException Malformed(string what) => new(FaultCode.InvalidArgument, what) { State = "nothing was changed" };
}
