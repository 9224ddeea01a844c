using Google.Protobuf;
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
internal readonly record struct ArchivePart(ByteString Data, StreamTrailer? Trailer, bool Waiting, bool Begins);

/// <summary>
/// Passes the archive of a stream on to an extraction: pieces of at most 1 MiB, none empty and not all of them crumbs; then the trailer, once, and
/// nothing behind it. A connection that ends is never the end of an archive; only the trailer is.
/// </summary>
internal static class ArchiveStream
{
    private const int MostPieceBytes = 1024 * 1024;

    // A byte a message would cost a thousand times the work. Honest senders stay far above it, but for their last pieces.
    private const int LeastAverage = 256;
    private const int Unjudged = 4096;

    // Between two looks at the disk.
    private const long LookEvery = 64L << 20;

    /// <summary>Passes everything on.</summary>
    /// <param name="first">The first message, which was read already.</param>
    /// <param name="next">The next message; null: the stream ended.</param>
    /// <param name="extraction">Where it goes.</param>
    /// <param name="dataRoot">The file system that must not fill up.</param>
    /// <param name="progress">Told the compressed bytes so far.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>The sender's trailer, which nobody has compared yet.</returns>
    /// <exception cref="McpException">It is not one whole archive.</exception>
    public static async Task<StreamTrailer> PassAsync(
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
        return trailer;
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

    private static McpException Malformed(string what) => new(FaultCode.InvalidArgument, what) { State = "nothing was changed" };
}
