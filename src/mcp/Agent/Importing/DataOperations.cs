using Grpc.Core;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Registry;
using Mcp.V1;

namespace Mcp.Agent.Importing;

/// <summary>Every change of a service's data as a whole that the master can ask for, each as one journalled operation.</summary>
internal sealed class DataOperations(ServiceOperations operations, DataImport import, DataMoves moves)
{
    /// <summary>Takes an archive in; the rest of <paramref name="stream"/> is read by the first call of an operation's id alone.</summary>
    public Task<ImportServiceDataResponse> ImportAsync(Asker asker, ImportServiceDataRequest first, IAsyncStreamReader<ImportServiceDataRequest> stream, CancellationToken call)
    {
        // What is asked is the same whatever came with the first message.
        var asked = first.Clone();
        asked.Data = Google.Protobuf.ByteString.Empty;
        return operations.RunAsync(asker, "import", first.ServiceName, asked, ImportServiceDataResponse.Parser,
            (entry, stop) => import.RunAsync(first, stream, entry, call, stop), result => result.AlreadyDone = true,
            result => new NodeEvent("data-imported", "info", $"{result.BytesWritten} bytes are the data of epoch {first.Epoch}{(result.Aside.Length > 0 ? $"; what was here lies in {result.Aside}" : "")}"), call);
    }

    /// <summary>Takes an import back.</summary>
    public Task<RevertImportResponse> RevertAsync(Asker asker, RevertImportRequest request, CancellationToken call) =>
        operations.RunAsync(asker, "revert-import", request.Service, request, RevertImportResponse.Parser, (entry, stop) => moves.RevertAsync(request, entry, stop),
            _ => { }, result => result.Reverted ? new NodeEvent("import-reverted", "warning", $"the import {request.ImportOperation} was taken back") : null, call);

    /// <summary>Sets data aside.</summary>
    public Task<SetDataAsideResponse> SetAsideAsync(Asker asker, SetDataAsideRequest request, CancellationToken call) =>
        operations.RunAsync(asker, "set-aside", request.Service, request, SetDataAsideResponse.Parser, (entry, stop) => moves.SetAsideAsync(request, entry, stop),
            result => result.AlreadyDone = true, result => result.AlreadyDone ? null : new NodeEvent("data-set-aside", "info", $"epoch {request.Epoch} lies in {result.Path}"), call);

    /// <summary>Makes data current again that was set aside.</summary>
    public Task<DataRecord> TakeBackAsync(Asker asker, TakeBackDataRequest request, CancellationToken call) =>
        operations.RunAsync(asker, "take-back", request.Service, request, DataRecord.Parser, (entry, stop) => moves.TakeBackAsync(request, entry, stop),
            _ => { }, _ => new NodeEvent("data-taken-back", "warning", $"the copy of epoch {request.Epoch} is the data again, as epoch {request.NewEpoch}"), call);
}
