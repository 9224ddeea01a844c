using Google.Protobuf;
using Grpc.Core;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Confined.V1;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Agent.Importing;

/// <summary>
/// An archive becomes the data of a service. Nothing of it is visible before all of it is there, proven and durable:
///
///   1 accept    row of the operation with the first message                               (nothing outside yet)
///   2 check     nothing runs; the target may be replaced; epoch; force; room              (nothing outside yet)
///   3 journal   row 'preparing' with the names in staging/ and aside/
///   4 receive   the stream is extracted into staging/ by a confined child (<see cref="Extraction"/>), and must match its trailer
///   5 verify    in the same child: a partial archive is laid over a copy of the data; every database is checked
///   6 mark      there, too: the owner's marker, so that the folder says whose it is from the moment at which it is in place; syncfs
///   7 swap      see <see cref="FolderSwap"/>: commit, renames, data record. From its first line on only forward
///   8 close     the operation's row with the answer
///
/// A failure in 2 to 6 erases what lies in staging/, and the data that was here was not touched. Killed before 7: the next start does the same; killed in 7:
/// the next start finishes it. What is displaced lies in aside/ until it is purged.
/// One syncfs at the end of 6 instead of an fsync for each file: a million small files would take hours. It also writes what other services have
/// in memory; that is the price.
/// </summary>
internal sealed class DataImport(AgentParts parts, FolderSwap swap, QuietService quiet, FolderErasing erasing)
{
    /// <summary>Runs it to its end.</summary>
    /// <param name="first">The first message, data included.</param>
    /// <param name="stream">The rest.</param>
    /// <param name="entry">The operation.</param>
    /// <param name="call">The call that sends; its end is the end of the stream.</param>
    /// <param name="stop">The process ends.</param>
    public async Task<ImportServiceDataResponse> RunAsync(
        ImportServiceDataRequest first, IAsyncStreamReader<ImportServiceDataRequest> stream, OperationEntry entry, CancellationToken call, CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(call, stop);
        SwapRow? row = null;
        try
        {
            var room = await entry.Scope.StepAsync("check", () => CheckAsync(first, stop));
            row = Prepare(first, entry.Id);
            parts.Swaps.Put(row);
            row = await StageAsync(first, stream, row, room, entry, either.Token, stop);
            // A person or podman's own unit may have started a container meanwhile.
            await quiet.RequireAsync(row.Service, "replaced", stop);
            await entry.Scope.StepAsync("swap", () => Task.Run(() => Swap(row, entry), CancellationToken.None));
            return Answer(row);
        }
        catch (Exception e) when (!entry.Unresolved)
        {
            if (row is not null)
                await ForgetAsync(row);
            if (e is OperationCanceledException && stop.IsCancellationRequested)
                throw;
            entry.PutBack = true;
            throw Explain(e, first.ServiceName);
        }
    }

    /// <summary>Ends an import that a killed process left: erased before its swap, finished from there on.</summary>
    /// <returns>The answer of an import that is complete; null: it was undone.</returns>
    public async Task<ImportServiceDataResponse?> ResolveAsync(OperationId operation)
    {
        if (parts.Swaps.Find(operation) is not { } row)
            return null;
        if (row.Phase == SwapPhase.Placing)
            swap.Finish(row);
        if (row.Phase is SwapPhase.Placing or SwapPhase.Placed)
            return Answer(row);
        await ForgetAsync(row);
        return null;
    }

    // 2 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task<ImportRoom> CheckAsync(ImportServiceDataRequest first, CancellationToken stop)
    {
        var service = first.ServiceName;
        if (service == ReservedNames.MasterService)
            throw new McpException(FaultCode.PermissionDenied, $"{service} has no import: its data holds the fleet's keys") { Hint = "on its node: mcp master restore <file>" };
        if (first.Epoch == 0)
            throw new McpException(FaultCode.InvalidArgument, "an import needs the epoch that the data gets");
        if (first.VolumeId.Length is 0 or > 64 || !first.VolumeId.All(c => char.IsAsciiLetterOrDigit(c) || c == '-'))
            throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(first.VolumeId, 80)}' is not a volume id: 1 to 64 letters, digits and '-'");
        if (first.Spec is { Name.Length: > 0 } spec && spec.Name != service)
            throw new McpException(FaultCode.InvalidArgument, $"the spec is that of {Printable.Line(spec.Name, 80)}, not of {service}");
        await quiet.RequireAsync(service, "replaced", stop);
        RequireReplaceable(parts, service);
        RequireAllowed(first, parts.Folders.Observe(service));
        return ImportRoom.Of(parts.Configuration.DataRoot, first.AnnouncedBytes, first.AnnouncedEntries);
    }

    /// <summary>Refuses a folder that is a link or a mount point, or has one in it.</summary>
    /// <exception cref="McpException">FailedPrecondition.</exception>
    public static void RequireReplaceable(AgentParts parts, string service)
    {
        if (parts.Folders.ProblemOfReplacing(service) is { } problem)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{parts.Folders.PathOf(service)} {problem}; nothing was changed")
            {
                Hint = $"ls -ld {parts.Folders.PathOf(service)}; findmnt -T {parts.Folders.PathOf(service)}; with [data] root on that disk instead, all data lies on it",
            };
        }
    }

    private void RequireAllowed(ImportServiceDataRequest first, FolderObservation folder)
    {
        var service = first.ServiceName;
        var record = parts.Data.Find(service);
        var here = Math.Max(Math.Max(record?.Epoch ?? 0, record?.SupersededEpoch ?? 0), folder.Marker?.Service == service ? folder.Marker.Epoch : 0);
        if (first.Epoch < here)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the import has epoch {first.Epoch}, but {parts.Node} has seen epoch {here} of {service}; an epoch never goes back")
            {
                Hint = $"mcp data list {service}",
            };
        }
        if (first.Force || first.Overlay)
            return;
        if (parts.Folders.HoldsData(service))
        {
            throw new McpException(FaultCode.AlreadyExists, $"{folder.Path} is not empty; nothing was changed")
            {
                Cause = "an import replaces what is there only when it was asked to",
                Hint = $"look at it (mcp data list {service}); with force it is set aside, never deleted",
            };
        }
        if (record is { State: "current" } && folder.Content is FolderContent.Absent or FolderContent.Empty && record is not null)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the registry expects data of epoch {record.Epoch} in {folder.Path}, but {(folder.Content == FolderContent.Absent ? "there is nothing" : "it is empty")}")
            {
                Hint = $"is the disk mounted? findmnt -T {folder.Path}; if the data is lost, repeat with force",
            };
        }
    }

    // 3 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private SwapRow Prepare(ImportServiceDataRequest first, OperationId operation)
    {
        var service = first.ServiceName;
        // A folder without any entry is nothing that anybody could miss.
        var content = parts.Folders.Observe(service).Content;
        var spec = first.Spec ?? new ServiceSpec();
        if (spec.Name.Length == 0)
            spec.Name = service;
        return new SwapRow
        {
            Operation = operation,
            Service = service,
            Incoming = $"{DataFolders.Staging}/{parts.Folders.NewName(service)}",
            Outgoing = content is FolderContent.Absent or FolderContent.Empty ? "" : $"{DataFolders.Aside}/{parts.Folders.NewName(service)}",
            VolumeId = first.VolumeId,
            Epoch = first.Epoch,
            Spec = spec,
            Before = parts.Data.Find(service),
        };
    }

    // 4 to 6 ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task<SwapRow> StageAsync(
        ImportServiceDataRequest first, IAsyncStreamReader<ImportServiceDataRequest> stream, SwapRow row, ImportRoom room, OperationEntry entry, CancellationToken either, CancellationToken stop)
    {
        var overlay = first.Overlay && row.Outgoing.Length > 0;
        var name = NameOf(row.Incoming);
        var job = new ImportJob
        {
            Folder = parts.Folders.MakePlaced(DataFolders.Staging, name),
            MostBytes = room.Bytes,
            MostEntries = room.Entries,
            Owners = true,
            KeepRoot = !Environment.IsPrivilegedProcess,
            Marker = ByteString.CopyFrom(new OwnerMarker(row.Service, row.VolumeId, row.Epoch).Write(parts.Key.Bytes)),
            Now = overlay ? parts.Folders.PathOf(row.Service) : "",
            Part = overlay ? parts.Folders.MakePlaced(DataFolders.Staging, PartOf(name)) : "",
        };
        await using var extraction = await Extraction.BeginAsync(job, row.Service, stop);
        var trailer = await entry.Scope.StepAsync("receive", () => ArchiveStream.PassAsync(
            Part(first), ArchiveStream.Of(stream, Part), extraction, parts.Configuration.DataRoot, bytes => entry.Scope.Progress("receive", bytes, 0, "bytes"), either));
        // All of it is here: whether the sender is still there makes no difference any more.
        var result = await entry.Scope.StepAsync("verify", () => extraction.EndAsync(trailer, at => entry.Scope.Progress(at.Phase, (long)at.Done, (long)at.Total, "bytes"), stop));
        foreach (var dropped in result.Came.Skipped.Take(20))
            entry.Scope.Say($"{PrintableBytes.Line(dropped.Path.Span, 200)} {dropped.Rule}");
        foreach (var unsure in result.Came.Databases.Where(d => d.NotChecked.Length > 0))
            entry.Scope.Say($"{PrintableBytes.Line(unsure.Path.Span, 200)} could not be checked in full: {unsure.NotChecked}");
        if (overlay)
            await erasing.EraseAsync(DataFolders.Staging, PartOf(name), stop);
        return row with { Bytes = result.Bytes, IncomingInode = parts.Folders.InodeOf(DataFolders.Staging, name) ?? throw new IOException($"{job.Folder} is gone") };
    }

    // 7 ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    // Unresolved as long as the journal says that it is under way: then the agent finishes it, and nothing else begins on the service.
    private void Swap(SwapRow row, OperationEntry entry)
    {
        entry.Unresolved = true;
        try
        {
            swap.Run(row);
        }
        catch (McpException) when (parts.Swaps.Find(row.Operation)?.Phase != SwapPhase.Placing)
        {
            entry.Unresolved = false;
            throw;
        }
        entry.Unresolved = false;
    }

    private ImportServiceDataResponse Answer(SwapRow row) => new()
    {
        BytesWritten = row.Bytes,
        Aside = row.Outgoing.Length > 0 ? parts.Folders.PathOf(DataFolders.Aside, NameOf(row.Outgoing)) : "",
        Record = parts.Data.Find(row.Service) is { } record ? ServiceLifecycle.ToMessage(parts, record) : null,
    };

    // ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    private async Task ForgetAsync(SwapRow row)
    {
        // Not cut short by the end of the process: what is left then is erased at the next start.
        await erasing.TryAsync(row.Service, DataFolders.Staging, NameOf(row.Incoming));
        await erasing.TryAsync(row.Service, DataFolders.Staging, PartOf(NameOf(row.Incoming)));
    }

    private McpException Explain(Exception e, string service) => e switch
    {
        // The child's words: the archive breaks a rule.
        McpException { Code: FaultCode.InvalidArgument, State: null } refused => new McpException(FaultCode.InvalidArgument, $"the import of {service} was refused: {refused.Message}", refused)
        {
            Cause = refused.Cause,
            State = "nothing was changed",
            Hint = refused.Hint ?? "is the archive whole and from a sender that you trust? mcp snapshot verify looks at a stored one",
        },
        McpException { Code: FaultCode.ResourceExhausted, State: null, Hint: null } full => Full(full, full.Cause),
        McpException { State: null } fault => new McpException(fault.Code, fault.Message, fault) { Node = fault.Node, Step = fault.Step, Cause = fault.Cause, Hint = fault.Hint, State = "nothing was changed", Problems = fault.Problems },
        McpException fault => fault,
        OperationCanceledException or RpcException or InvalidOperationException => new McpException(FaultCode.Aborted, $"the connection ended before the data of {service} was whole", e)
        {
            Cause = Printable.Line((e as RpcException)?.Status.Detail, 300),
            State = "nothing was changed",
            Hint = "try again",
        },
        IOException => new McpException(FaultCode.FailedPrecondition, $"the data of {service} could not be written", e)
        {
            Cause = Printable.Line(e.Message, 300),
            State = "nothing was changed",
            Hint = $"df -h {parts.Configuration.DataRoot}; dmesg | tail",
        },
        _ => new McpException(FaultCode.Internal, $"the import of {service} failed unexpectedly: {e.GetType().Name}", e) { Cause = Printable.Line(e.Message, 300), State = "nothing was changed" },
    };

    private McpException Full(Exception e, string? cause) => new(FaultCode.ResourceExhausted, $"the disk of {parts.Configuration.DataRoot} is full", e)
    {
        Cause = cause,
        State = "nothing was changed, and what had come was erased",
        Hint = $"df -h {parts.Configuration.DataRoot}; df -i {parts.Configuration.DataRoot}",
    };

    private static ArchivePart Part(ImportServiceDataRequest message) => new(
        message.Data, message.Trailer, message.Waiting,
        message.ServiceName.Length > 0 || message.Force || message.Overlay || message.Epoch != 0 || message.VolumeId.Length > 0 || message.Spec is not null || message.AnnouncedBytes != 0 || message.AnnouncedEntries != 0);

    private static string NameOf(string reference) => reference[(reference.IndexOf('/') + 1)..];

    // Where a partial archive is extracted before it is laid over the copy.
    private static string PartOf(string name) => name + ".part";
}
