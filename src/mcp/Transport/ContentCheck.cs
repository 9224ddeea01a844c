using System.Security.Cryptography;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Transport;

/// <summary>
/// Counts and hashes the bytes of one file on its way: as many as were announced, no more, and a trailer that says the same. A connection that
/// closes is never an end; only the trailer is.
/// </summary>
/// <param name="announced">How many bytes the first message promised.</param>
internal sealed class ContentCheck(ulong announced) : IDisposable
{
    /// <summary>How much one message carries: with its headers in a buffer of 64 KiB, below the size at which arrays become expensive.</summary>
    public const int ChunkBytes = 63 * 1024;

    /// <summary>The contract's limit of a chunk.</summary>
    private const int MostChunkBytes = 1024 * 1024;

    // Only the last chunk may be smaller: a byte a message would cost a hundred times the work.
    private const int LeastChunkBytes = 1024;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool _small;

    /// <summary>Bytes so far.</summary>
    public ulong Bytes { get; private set; }

    /// <summary>Takes the next piece.</summary>
    /// <exception cref="McpException">InvalidArgument: it is empty, too small, too large, or more than was announced.</exception>
    public void Add(ReadOnlySpan<byte> data)
    {
        if (data.Length is 0 or > MostChunkBytes || _small)
            throw new McpException(FaultCode.InvalidArgument, $"the stream has a piece of {(_small ? "less than 1 KiB before its last one" : $"{data.Length} bytes")}; 1 KiB to 1 MiB are allowed");
        _small = data.Length < LeastChunkBytes;
        Bytes += (ulong)data.Length;
        if (Bytes > announced)
            throw new McpException(FaultCode.InvalidArgument, $"more bytes came than the {announced} that were announced");
        _hash.AppendData(data);
    }

    /// <summary>What a sender ends its stream with.</summary>
    public StreamTrailer Trailer() => new() { Bytes = Bytes, Sha256 = Convert.ToHexStringLower(_hash.GetCurrentHash()) };

    /// <summary>Compares what came with what the sender says that it sent.</summary>
    /// <exception cref="McpException">DataLoss: they differ.</exception>
    public void Require(StreamTrailer trailer)
    {
        var own = Trailer();
        if (trailer.Bytes != own.Bytes || own.Bytes != announced || trailer.Sha256 != own.Sha256)
        {
            throw new McpException(FaultCode.DataLoss, "what arrived is not what was sent")
            {
                Cause = own.Bytes != announced || trailer.Bytes != own.Bytes ? $"{announced} bytes were announced, {trailer.Bytes} sent, {own.Bytes} arrived" : "the SHA-256 differs",
                State = "nothing was written",
                Hint = "try again; if it stays so, look for a broken disk or network card",
            };
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();
}
