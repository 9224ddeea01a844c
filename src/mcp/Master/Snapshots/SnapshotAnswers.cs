using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Mcp.Confinement;
using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Operations;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Master.Snapshots;

/// <summary>What is read of snapshots: lists, verdicts, the archives themselves.</summary>
internal sealed class SnapshotAnswers(Database database, OperationRunner runner, SnapshotFolder folder, SnapshotVerification verification, TimeProvider clock)
{
    private const int Piece = Frames.Chunk;

    /// <summary>All snapshots, or those of one service, the newest first; or the one that a restore would take, so that an operator can be asked about that very one.</summary>
    /// <exception cref="McpException">NotFound or InvalidArgument: a restore would take none.</exception>
    public ListSnapshotsResponse List(ListSnapshotsRequest request)
    {
        var response = new ListSnapshotsResponse();
        IReadOnlyList<SnapshotRow> rows = database.Read(connection => SnapshotStore.All(connection, request.ServiceName));
        if (request.Chosen)
            rows = [SnapshotChoice.Of(rows, request.ServiceName, request.Id, request.At)];
        response.Snapshots.AddRange(rows.Select(r => r.ToMessage()));
        return response;
    }

    /// <summary>Verifies one snapshot, or all that are wished; a bad one is an answer.</summary>
    public Task<VerifySnapshotResponse> VerifyAsync(OperationRequest operation, VerifySnapshotRequest request, CancellationToken call) => runner.RunAsync(
        operation.Id,
        operation.Key,
        async (scope, stop) =>
        {
            var all = database.Read(connection => SnapshotStore.All(connection, request.ServiceName));
            var chosen = request.All ? all : [SnapshotChoice.Of(all, request.ServiceName, request.Id, "")];
            var response = new VerifySnapshotResponse();
            foreach (var row in chosen)
            {
                await scope.StepAsync($"{row.Service} {row.Filename}", async () =>
                {
                    var verdict = await verification.VerifyAsync(row, done => scope.Progress("", done, row.SizeBytes, "bytes"), stop);
                    response.Verdicts.Add(verdict);
                });
            }
            return response;
        },
        call);

    /// <summary>Streams one archive as it lies there. Its trailer is over the file.</summary>
    /// <exception cref="McpException">There is none, or it is not for the wire.</exception>
    public async Task DownloadAsync(DownloadSnapshotRequest request, IServerStreamWriter<DownloadSnapshotResponse> writer, string by, CancellationToken ct)
    {
        if (!SnapshotSubject.TryParse(request.ServiceName, out var subject) || !subject.IsService)
        {
            throw new McpException(FaultCode.PermissionDenied, $"{Printable.Line(request.ServiceName, 80)} is state of the control plane and is not given out")
            {
                Hint = $"on the master's machine, as root: ls {folder.Of(subject)}",
            };
        }
        var row = SnapshotChoice.Of(database.Read(connection => SnapshotStore.All(connection, request.ServiceName)), request.ServiceName, request.Id, request.At);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = ArchiveFile.Open(folder.PathOf(row), row);
        await writer.WriteToFollowerAsync(new DownloadSnapshotResponse { Snapshot = row.ToMessage() }, "try again", clock, ct);
        var sent = 0L;
        while (true)
        {
            var buffer = new byte[Piece];
            var length = await file.ReadAtLeastAsync(buffer, Piece, throwOnEndOfStream: false, ct);
            if (length == 0)
                break;
            hash.AppendData(buffer, 0, length);
            sent += length;
            await writer.WriteToFollowerAsync(new DownloadSnapshotResponse { Data = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, length)) }, "try again", clock, ct);
        }
        // What lies there is sent as it is; the receiver sees by the first message whether it is what was once made.
        await writer.WriteAsync(new DownloadSnapshotResponse { Trailer = new StreamTrailer { Bytes = (ulong)sent, Sha256 = Convert.ToHexStringLower(hash.GetCurrentHash()) } }, ct);
        database.Write(connection => EventStore.Add(connection, new FleetEvent
        {
            At = Timestamp.Now(clock),
            Node = row.Node,
            Service = row.Service,
            Kind = "snapshot-read",
            Severity = "info",
            Message = $"{row.Filename} of {row.Service}, {sent} bytes, was downloaded",
            Principal = by,
        }));
    }
}
