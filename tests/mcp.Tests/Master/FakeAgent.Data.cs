using System.Collections.Concurrent;
using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Tests.Master;

/// <summary>The data of a fake agent: bytes in memory that move as a real one's files do, with holds, epochs and copies that were put aside.</summary>
internal sealed partial class FakeAgent
{
    /// <summary>Exports, imports and reverts are of <see cref="Contents"/>; else of <see cref="Archives"/>, which nobody keeps.</summary>
    public bool HoldsBytes { get; set; }

    /// <summary>The data of each service.</summary>
    public ConcurrentDictionary<string, byte[]> Contents { get; } = new();

    /// <summary>What was put aside, by service, volume and epoch.</summary>
    public ConcurrentDictionary<(string Service, string Volume, ulong Epoch), byte[]> Aside { get; } = new();

    /// <summary>Which migration holds which service.</summary>
    public ConcurrentDictionary<string, string> Held { get; } = new();

    public ulong DiskFree { get; set; } = 1UL << 40;

    /// <summary>What an export would leave out.</summary>
    public List<SkippedEntry> Skips { get; } = [];

    /// <summary>What a deploy here is refused for before it acts.</summary>
    public string? RefuseToTake { get; set; }

    /// <summary>Stops fail with these words.</summary>
    public string? RefuseToStop { get; set; }

    /// <summary>Exports end without a trailer after so many bytes.</summary>
    public int? CutExportAfter { get; set; }

    /// <summary>Imports fail with these words once everything came.</summary>
    public string? RefuseImport { get; set; }

    /// <summary>The next import is done, but its answer is lost.</summary>
    public bool LoseImportAnswer { get; set; }

    /// <summary>An export has sent its first message.</summary>
    public TaskCompletionSource Exporting { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override Task<DataInspection> InspectData(InspectDataRequest request, ServerCallContext context) => Task.FromResult(new DataInspection
    {
        Bytes = (ulong)Contents.GetValueOrDefault(request.Service, []).Length,
        Entries = 2,
        Skipped = { Skips },
        Databases = { new DatabaseCopy { Path = ByteString.CopyFromUtf8("data/x.db") } },
        DiskFreeBytes = DiskFree,
    });

    private async Task SendBytesAsync(ExportServiceDataRequest request, IServerStreamWriter<ExportServiceDataResponse> responseStream)
    {
        Others.Enqueue($"export {request.ServiceName}");
        if (!Data.TryGetValue(request.ServiceName, out var record) || (request.Epoch != 0 && record.Epoch != request.Epoch))
            throw new McpException(FaultCode.FailedPrecondition, $"not epoch {request.Epoch}");
        var content = Contents.GetValueOrDefault(request.ServiceName, []);
        await responseStream.WriteAsync(new ExportServiceDataResponse { Progress = new TransferProgress { Phase = "databases", Done = 0, Total = (ulong)content.Length } });
        Exporting.TrySetResult();
        await ExportGate;
        for (var at = 0; at < content.Length; at += 1000)
        {
            if (at >= CutExportAfter)
                return;
            await responseStream.WriteAsync(new ExportServiceDataResponse { Data = ByteString.CopyFrom(content.AsSpan(at, Math.Min(1000, content.Length - at))) });
        }
        await responseStream.WriteAsync(new ExportServiceDataResponse { Trailer = new StreamTrailer { Sha256 = Sha(content), Bytes = (ulong)content.Length, Entries = 2, Skipped = { Skips } } });
    }

    private async Task<ImportServiceDataResponse> TakeBytesAsync(ImportServiceDataRequest first, string operation, IAsyncStreamReader<ImportServiceDataRequest> requestStream, ServerCallContext context)
    {
        Others.Enqueue($"import {first.ServiceName}");
        using var got = new MemoryStream();
        StreamTrailer? trailer = null;
        while (trailer is null && await requestStream.MoveNext())
        {
            got.Write(requestStream.Current.Data.Span);
            trailer = requestStream.Current.Trailer;
        }
        var content = got.ToArray();
        if (trailer is null || trailer.Sha256 != Sha(content) || RefuseImport is not null)
        {
            var fault = new McpException(FaultCode.DataLoss, RefuseImport ?? "the stream was cut");
            Journal(operation, first.ServiceName, "failed", fault.ToDetail(), null);
            throw fault;
        }
        Contents[first.ServiceName] = content;
        Data[first.ServiceName] = new DataRecord { Service = first.ServiceName, Node = Name, Epoch = first.Epoch, VolumeId = first.VolumeId, State = "current" };
        Journal(operation, first.ServiceName, "succeeded", null, null);
        if (LoseImportAnswer)
        {
            LoseImportAnswer = false;
            context.GetHttpContext().Abort();
        }
        return new ImportServiceDataResponse { BytesWritten = (ulong)content.Length };
    }

    private RevertImportResponse DropBytes(RevertImportRequest request)
    {
        var imported = _journal.TryGetValue(request.ImportOperation, out var row) && row.Operation.State == "succeeded";
        if (imported)
        {
            Contents.TryRemove(request.Service, out _);
            Data.TryRemove(request.Service, out _);
        }
        return new RevertImportResponse { Reverted = imported };
    }

    public override Task<SetDataAsideResponse> SetDataAside(SetDataAsideRequest request, ServerCallContext context)
    {
        Others.Enqueue($"aside {request.Service}");
        if (!Data.TryGetValue(request.Service, out var record))
            return Task.FromResult(new SetDataAsideResponse { AlreadyDone = true });
        if (record.Epoch != request.Epoch || record.VolumeId != request.VolumeId)
            throw new McpException(FaultCode.FailedPrecondition, $"the data has epoch {record.Epoch}");
        if (Running.ContainsKey(request.Service))
            throw new McpException(FaultCode.FailedPrecondition, "it is deployed");
        Aside[(request.Service, request.VolumeId, request.Epoch)] = Contents.GetValueOrDefault(request.Service, []);
        Contents.TryRemove(request.Service, out _);
        Data.TryRemove(request.Service, out _);
        return Task.FromResult(new SetDataAsideResponse { Path = $"/srv/.mcp/aside/{request.Service}" });
    }

    public override Task<DataRecord> TakeBackData(TakeBackDataRequest request, ServerCallContext context)
    {
        Others.Enqueue($"take-back {request.Service}");
        if (!Aside.TryRemove((request.Service, request.VolumeId, request.Epoch), out var content))
            throw new McpException(FaultCode.NotFound, "no such copy");
        Contents[request.Service] = content;
        Data[request.Service] = new DataRecord { Service = request.Service, Node = Name, Epoch = request.NewEpoch, VolumeId = request.VolumeId, State = "current" };
        Journal(context.RequireOperation().Value, request.Service, "succeeded", null, null);
        return Task.FromResult(Data[request.Service]);
    }

    /// <summary>Whether the service runs here, as a container would.</summary>
    public bool Runs(string service) => Running.ContainsKey(service) && !Stopped.ContainsKey(service);

    private void RequireFree(string service, string by)
    {
        if (Held.TryGetValue(service, out var held) && held != by)
            throw new McpException(FaultCode.FailedPrecondition, $"{service} is held by the migration {held}");
    }

    private static string Sha(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));
}
