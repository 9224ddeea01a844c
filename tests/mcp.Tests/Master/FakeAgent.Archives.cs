using System.Collections.Concurrent;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Mcp.Archive;
using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Tests.Master;

/// <summary>The part that gives archives out and takes them in: real archives over the real wire, and nothing on a disk.</summary>
internal sealed partial class FakeAgent
{
    /// <summary>What an export of each service gives; a service without one is unknown.</summary>
    public ConcurrentDictionary<string, FakeArchive> Archives { get; } = new();

    /// <summary>Exports wait for this after their first piece.</summary>
    public Task ExportGate { get; set; } = Task.CompletedTask;

    /// <summary>Every export that was asked for.</summary>
    public ConcurrentQueue<ExportServiceDataRequest> Exports { get; } = new();

    /// <summary>Every import that arrived whole: its operation, its first message, its bytes.</summary>
    public ConcurrentQueue<(string Operation, ImportServiceDataRequest Start, byte[] Bytes)> Imports { get; } = new();

    /// <summary>Imports wait for this when all of them is there.</summary>
    public Task ImportGate { get; set; } = Task.CompletedTask;

    /// <summary>Every drill: its first message and its bytes.</summary>
    public ConcurrentQueue<(DrillServiceRequest Start, byte[] Bytes)> Drills { get; } = new();

    /// <summary>Drills wait for this when all of it is there.</summary>
    public Task DrillGate { get; set; } = Task.CompletedTask;

    /// <summary>The next drills answer that they failed, with these words.</summary>
    public string? FailDrills { get; set; }

    /// <summary>So many of the next starts end without health.</summary>
    public int FailStarts { get; set; }

    /// <summary>So many of the next imports are cut before their first byte.</summary>
    public int BreakImports { get; set; }

    public override async Task ExportServiceData(ExportServiceDataRequest request, IServerStreamWriter<ExportServiceDataResponse> responseStream, ServerCallContext context)
    {
        Exports.Enqueue(request);
        if (HoldsBytes)
        {
            await SendBytesAsync(request, responseStream);
            return;
        }
        if (!Archives.TryGetValue(request.ServiceName, out var archive))
            throw new McpException(FaultCode.NotFound, $"there is no {request.ServiceName} here");
        await responseStream.WriteAsync(new ExportServiceDataResponse { Progress = new TransferProgress { Phase = archive.Phase, Total = archive.Trailer.Bytes } });
        for (var at = 0; at < archive.Bytes.Length; at += 1000)
        {
            await responseStream.WriteAsync(new ExportServiceDataResponse { Data = ByteString.CopyFrom(archive.Bytes.AsSpan(at, Math.Min(1000, archive.Bytes.Length - at))) });
            if (at == 0)
                await ExportGate.WaitAsync(context.CancellationToken);
        }
        if (!archive.Cut)
            await responseStream.WriteAsync(new ExportServiceDataResponse { Trailer = archive.Trailer });
    }

    public override async Task<ImportServiceDataResponse> ImportServiceData(IAsyncStreamReader<ImportServiceDataRequest> requestStream, ServerCallContext context)
    {
        var operation = context.RequireOperation().Value;
        await requestStream.MoveNext(context.CancellationToken);
        var start = requestStream.Current;
        if (HoldsBytes)
            return await TakeBytesAsync(start.Clone(), operation, requestStream, context);
        if (_journal.TryGetValue(operation, out var known) && known.Operation.State == "succeeded")
            return new ImportServiceDataResponse { AlreadyDone = true, BytesWritten = 5, Aside = "/srv/.mcp/aside/x" };
        if (!Stopped.ContainsKey(start.ServiceName) && Running.ContainsKey(start.ServiceName))
            throw new McpException(FaultCode.FailedPrecondition, $"a container of {start.ServiceName} runs");
        if (BreakImports > 0 && BreakImports-- > 0)
        {
            context.GetHttpContext().Abort();
            throw new McpException(FaultCode.Unavailable, "cut");
        }
        var bytes = new MemoryStream();
        StreamTrailer? trailer = null;
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            bytes.Write(requestStream.Current.Data.Span);
            trailer = requestStream.Current.Trailer ?? trailer;
        }
        await ImportGate.WaitAsync(context.CancellationToken);
        if (trailer is null)
            throw new McpException(FaultCode.DataLoss, "cut");
        Imports.Enqueue((operation, start, bytes.ToArray()));
        Others.Enqueue($"import {start.ServiceName}");
        Journal(operation, start.ServiceName, "succeeded", null, null);
        return new ImportServiceDataResponse { BytesWritten = 5, Aside = "/srv/.mcp/aside/x" };
    }

    public override Task<RevertImportResponse> RevertImport(RevertImportRequest request, ServerCallContext context)
    {
        Others.Enqueue($"revert {request.Service}");
        if (HoldsBytes)
            return Task.FromResult(DropBytes(request));
        Journal(context.RequireOperation().Value, request.Service, "succeeded", null, null);
        return Task.FromResult(new RevertImportResponse { Reverted = _journal.ContainsKey(request.ImportOperation) });
    }

    public override async Task<DrillServiceResponse> DrillService(IAsyncStreamReader<DrillServiceRequest> requestStream, ServerCallContext context)
    {
        await requestStream.MoveNext(context.CancellationToken);
        var start = requestStream.Current;
        var bytes = new MemoryStream();
        while (await requestStream.MoveNext(context.CancellationToken))
            bytes.Write(requestStream.Current.Data.Span);
        Drills.Enqueue((start, bytes.ToArray()));
        await DrillGate.WaitAsync(context.CancellationToken);
        return new DrillServiceResponse { Success = FailDrills is null, Error = FailDrills ?? "", Steps = { new StepResult { Step = "health", Success = FailDrills is null } } };
    }
}

/// <summary>An archive as an agent would export it.</summary>
internal sealed record FakeArchive(byte[] Bytes, StreamTrailer Trailer)
{
    public bool Cut { get; init; }

    public string Phase { get; init; } = "archive";

    /// <summary>Of files by name.</summary>
    public static FakeArchive Of(params (string Name, byte[] Content)[] files) => Of(false, files);

    /// <summary>As above; partial: something was left out.</summary>
    public static FakeArchive Of(bool partial, params (string Name, byte[] Content)[] files)
    {
        var bytes = new MemoryStream();
        StreamTrailer trailer;
        using (var zstd = ZstdOutput.Open(bytes))
        {
            using var digest = new DigestStream(zstd);
            var writer = new ArchiveWriter(digest);
            writer.Begin(new ArchiveEntry { Kind = EntryKind.Directory, Name = [], Mode = 0x1c0 });
            foreach (var (name, content) in files)
            {
                writer.Begin(new ArchiveEntry { Kind = EntryKind.File, Name = Encoding.UTF8.GetBytes(name), Mode = 0x180, Size = content.Length });
                writer.Write(content);
            }
            writer.Complete();
            trailer = new StreamTrailer { Sha256 = digest.Sha256, Bytes = (ulong)digest.Count, Entries = (ulong)writer.Entries, Partial = partial };
        }
        if (partial)
            trailer.Skipped.Add(new SkippedEntry { Path = ByteString.CopyFrom([(byte)'x', 0xff]), Rule = "is a socket" });
        return new FakeArchive(bytes.ToArray(), trailer);
    }
}
