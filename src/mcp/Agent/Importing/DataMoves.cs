using Mcp.Agent.Lifecycle;
using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Agent.Importing;

/// <summary>
/// Data that goes aside, comes back, or is taken back from an import: each is one swap of the journal (<see cref="FolderSwap"/>), so a kill at any
/// line is finished forward, and each asked again after it was done says so. Nothing is ever erased but what an import brought and its revert
/// takes back.
/// </summary>
internal sealed class DataMoves(AgentParts parts, FolderSwap swap, QuietService quiet, FolderErasing erasing)
{
    /// <summary>Takes an import back: what it displaced is the data again, what it brought is erased.</summary>
    /// <exception cref="McpException">FailedPrecondition: a container runs, or the data was changed as a whole since.</exception>
    public async Task<RevertImportResponse> RevertAsync(RevertImportRequest request, OperationEntry entry, CancellationToken stop)
    {
        if (!OperationId.TryParse(request.ImportOperation, out var import, out var problem))
            throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(request.ImportOperation, 80)}' {problem}");
        if (parts.Swaps.Find(import) is not { Phase: SwapPhase.Placed } done || parts.Operations.Find(import)?.Kind != "import")
        {
            // Nothing came of it, unless the data says that it is what that import brought: then the journal has lost what it displaced.
            return parts.Data.Find(request.Service)?.Operation != import.Value || parts.Swaps.Find(import) is not null
                ? new RevertImportResponse { Record = RecordOf(request.Service) }
                : throw new McpException(FaultCode.FailedPrecondition, $"the data of {Printable.Line(request.Service, 80)} is what the import {import} brought, but {parts.Node} does not remember any more what was there before")
                {
                    State = "nothing was changed; what was displaced lies aside",
                    Hint = $"mcp data list {Printable.Line(request.Service, 80)} --direct -n {parts.Node}; the copy that is wanted: mcp snapshot restore, or put in its place by hand and mcp data accept",
                };
        }
        if (done.Service != request.Service)
            throw new McpException(FaultCode.InvalidArgument, $"{import} was an import of {done.Service}, not of {Printable.Line(request.Service, 80)}");
        await quiet.RequireAsync(done.Service, "taken back", stop);
        DataImport.RequireReplaceable(parts, done.Service);
        var record = parts.Data.Find(done.Service);
        if (parts.Folders.InodeOf(null, done.Service) != done.IncomingInode || record?.VolumeId != done.VolumeId || record.Epoch != done.Epoch)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the data of {done.Service} is not what the import {import} brought any more, so the import is not taken back")
            {
                State = "nothing was changed",
                Hint = $"mcp data list {done.Service}",
            };
        }
        var row = new SwapRow
        {
            Operation = entry.Id,
            Service = done.Service,
            Incoming = done.Outgoing,
            IncomingInode = done.Outgoing.Length == 0 ? 0 : InodeOf(done.Outgoing) ?? throw Gone(done.Service, done.Outgoing),
            Outgoing = $"{DataFolders.Staging}/{parts.Folders.NewName(done.Service)}",
            VolumeId = done.Before?.VolumeId ?? "",
            Epoch = done.Before?.Epoch ?? 0,
            Spec = done.Before?.Spec ?? new ServiceSpec { Name = done.Service },
            Before = record,
        };
        await RunAsync(row, entry, done);
        return await AnswerRevertAsync(row);
    }

    /// <summary>Sets the data of a service aside.</summary>
    /// <exception cref="McpException">FailedPrecondition: a container runs, or the data is another; NotFound.</exception>
    public async Task<SetDataAsideResponse> SetAsideAsync(SetDataAsideRequest request, OperationEntry entry, CancellationToken stop)
    {
        var service = request.Service;
        var record = parts.Data.Find(service);
        var folder = parts.Folders.Observe(service);
        if (record is null)
        {
            return Copy(service, request.VolumeId, request.Epoch) is { } aside
                ? new SetDataAsideResponse { Path = aside.Path, AlreadyDone = true }
                : throw new McpException(FaultCode.NotFound, $"{parts.Node} has no data of {Printable.Line(service, 80)}") { Hint = "mcp data list" };
        }
        if (record.VolumeId != request.VolumeId || record.Epoch != request.Epoch || folder.Marker is not { } marker || marker.VolumeId != request.VolumeId || marker.Epoch != request.Epoch)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the data of {service} on {parts.Node} is not volume {Printable.Line(request.VolumeId, 80)} epoch {request.Epoch}; it was not set aside")
            {
                Cause = $"the registry has volume {record.VolumeId} epoch {record.Epoch}, {folder.Path} is {(folder.Marker is { } m ? $"marked as volume {m.VolumeId} epoch {m.Epoch}" : "without a marker of this node")}",
                Hint = $"mcp data list {service}",
            };
        }
        await quiet.RequireAsync(service, "set aside", stop);
        DataImport.RequireReplaceable(parts, service);
        var row = new SwapRow
        {
            Operation = entry.Id,
            Service = service,
            Incoming = "",
            Outgoing = $"{DataFolders.Aside}/{parts.Folders.NewName(service)}",
            Before = record,
        };
        await RunAsync(row, entry, undone: null);
        return AnswerAside(row);
    }

    /// <summary>Makes data that was set aside current again, in a new epoch; what is there goes aside.</summary>
    /// <exception cref="McpException">FailedPrecondition: a container runs, or the epoch is too low; NotFound.</exception>
    public async Task<DataRecord> TakeBackAsync(TakeBackDataRequest request, OperationEntry entry, CancellationToken stop)
    {
        var service = request.Service;
        var record = parts.Data.Find(service);
        if (Copy(service, request.VolumeId, request.Epoch) is not { } copy)
        {
            return record is { State: "current" } && record.VolumeId == request.VolumeId && record.Epoch == request.NewEpoch
                ? ServiceLifecycle.ToMessage(parts, record)
                : throw new McpException(FaultCode.NotFound, $"{parts.Node} keeps no copy of {Printable.Line(service, 80)} with volume {Printable.Line(request.VolumeId, 80)} and epoch {request.Epoch}") { Hint = $"mcp data list {service}" };
        }
        var seen = Math.Max(request.Epoch, Math.Max(record?.Epoch ?? 0, record?.SupersededEpoch ?? 0));
        if (request.NewEpoch <= seen)
            throw new McpException(FaultCode.FailedPrecondition, $"epoch {request.NewEpoch} is not above the {seen} that {parts.Node} has seen of {service}; an epoch never goes back") { Hint = $"mcp data list {service}" };
        await quiet.RequireAsync(service, "replaced", stop);
        DataImport.RequireReplaceable(parts, service);
        var row = new SwapRow
        {
            Operation = entry.Id,
            Service = service,
            Incoming = copy.Reference,
            IncomingInode = InodeOf(copy.Reference) ?? throw Gone(service, copy.Reference),
            Outgoing = parts.Folders.Observe(service).Content is FolderContent.Absent or FolderContent.Empty ? "" : $"{DataFolders.Aside}/{parts.Folders.NewName(service)}",
            VolumeId = request.VolumeId,
            Epoch = request.NewEpoch,
            Spec = record?.Spec ?? (parts.Services.Generations(service, parts.Node) is [var newest, ..] ? newest.Spec : new ServiceSpec { Name = service }),
            Before = record,
        };
        await RunAsync(row, entry, undone: null);
        return RecordOf(service)!;
    }

    /// <summary>Ends a revert that a killed process left.</summary>
    /// <returns>The answer; null: it had not begun.</returns>
    public async Task<RevertImportResponse?> ResolveRevertAsync(OperationId operation, RevertImportRequest request) =>
        Resolved(operation, OperationId.TryParse(request.ImportOperation, out var import, out _) ? parts.Swaps.Find(import) : null) is { } row ? await AnswerRevertAsync(row) : null;

    /// <summary>Ends a setting aside that a killed process left.</summary>
    /// <returns>The answer; null: it had not begun.</returns>
    public SetDataAsideResponse? ResolveAside(OperationId operation) => Resolved(operation, undone: null) is { } row ? AnswerAside(row) : null;

    /// <summary>Ends a taking back that a killed process left.</summary>
    /// <returns>The answer; null: it had not begun.</returns>
    public DataRecord? ResolveTakeBack(OperationId operation) => Resolved(operation, undone: null) is { } row ? RecordOf(row.Service) : null;

    private SwapRow? Resolved(OperationId operation, SwapRow? undone)
    {
        if (parts.Swaps.Find(operation) is not { Phase: SwapPhase.Placing or SwapPhase.Placed } row)
            return null;
        if (row.Phase == SwapPhase.Placing)
            swap.Finish(row, undone);
        return row;
    }

    // Unresolved as long as the journal says that it is under way: then the agent finishes it, and nothing else begins on the service.
    private async Task RunAsync(SwapRow row, OperationEntry entry, SwapRow? undone)
    {
        entry.Unresolved = true;
        try
        {
            await entry.Scope.StepAsync("swap", () => Task.Run(() => swap.Run(row, undone), CancellationToken.None));
        }
        catch (McpException) when (parts.Swaps.Find(row.Operation)?.Phase != SwapPhase.Placing)
        {
            (entry.Unresolved, entry.PutBack) = (false, true);
            throw;
        }
        entry.Unresolved = false;
    }

    // What the import brought lies in staging/ now. A kill or a failing disk leaves it to the next start's sweep.
    private async Task<RevertImportResponse> AnswerRevertAsync(SwapRow row)
    {
        await erasing.TryAsync(row.Service, DataFolders.Staging, row.Outgoing[(DataFolders.Staging.Length + 1)..]);
        return new RevertImportResponse { Reverted = true, Record = RecordOf(row.Service) };
    }

    private SetDataAsideResponse AnswerAside(SwapRow row) => new() { Path = parts.Folders.PathOf(DataFolders.Aside, row.Outgoing[(DataFolders.Aside.Length + 1)..]) };

    private DataRecord? RecordOf(string service) => parts.Data.Find(service) is { } row ? ServiceLifecycle.ToMessage(parts, row) : null;

    // The newest, should there be several: they are the same data at different times.
    private PlacedFolder? Copy(string service, string volumeId, ulong epoch) =>
        parts.Folders.PlacedIn(DataFolders.Aside).LastOrDefault(f => f.Service == service && f.Marker is { } m && m.VolumeId == volumeId && m.Epoch == epoch);

    private ulong? InodeOf(string reference) => parts.Folders.InodeOf(reference[..reference.IndexOf('/')], reference[(reference.IndexOf('/') + 1)..]);

    private McpException Gone(string service, string reference) => new(FaultCode.FailedPrecondition, $"the copy .mcp/{reference} of {service} is gone from {parts.Node}")
    {
        State = "nothing was changed",
        Hint = $"mcp data list {service}",
    };
}
