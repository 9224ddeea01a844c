using Google.Protobuf;
using Grpc.Core;
using Mcp.Confinement;
using Mcp.Errors;
using Mcp.Master.Snapshots;
using Mcp.V1;

namespace Mcp.Master.Migrations;

/// <summary>A snapshot read as if a node exported it: the file in pieces, then its trailer. One piece is in memory at a time.</summary>
internal sealed class StoredArchive(string path, SnapshotRow row) : IAsyncStreamReader<ExportServiceDataResponse>, IAsyncDisposable
{
    // At most 1 MiB by contract. The receiver makes a new array for each, which is cheap below 85,000 bytes.
    private const int Piece = Frames.Chunk;

    private readonly FileStream _file = new(
        path, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Read, Share = FileShare.Read | FileShare.Delete, Options = FileOptions.SequentialScan | FileOptions.Asynchronous, BufferSize = 0 });

    private long _read;
    private bool _ended;

    /// <inheritdoc/>
    public ExportServiceDataResponse Current { get; private set; } = new();

    /// <inheritdoc/>
    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (_ended)
            return false;
        // A fresh one each time: the message holds on to it until it is on the wire.
        var buffer = new byte[Piece];
        var length = await _file.ReadAtLeastAsync(buffer, Piece, throwOnEndOfStream: false, cancellationToken);
        _read += length;
        if (length > 0)
        {
            Current = new ExportServiceDataResponse { Data = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, length)) };
            return true;
        }
        if (_read != row.SizeBytes)
            throw new McpException(FaultCode.DataLoss, $"the snapshot {row.Filename} of {row.Service} changed while it was read") { Hint = $"mcp snapshot verify {row.Service}" };
        _ended = true;
        Current = new ExportServiceDataResponse { Trailer = row.Trailer };
        return true;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _file.DisposeAsync();
}
