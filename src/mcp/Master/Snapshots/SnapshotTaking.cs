using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Snapshots;

/// <summary>
/// Taking one snapshot, by hand or on schedule: 1 whose, where, in which epoch; 2 room on the disk; 3 the export, into the folder
/// (<see cref="SnapshotFolder"/> has the order there); 4 in one transaction its row, what the schedule remembers, the event and the rows that
/// retention lets go; 5 the files of these. Few at once: each keeps both cores busy.
/// </summary>
internal sealed class SnapshotTaking(
    Database database, OperationJournal journal, OperationRunner runner, SnapshotExport export, SnapshotFolder folder, MasterState state, MasterConfiguration configuration, TimeProvider clock) : IDisposable
{
    /// <summary>The kind in the journal.</summary>
    public const string Kind = "snapshot";

    private readonly SemaphoreSlim _few = new(2, 2);

    /// <summary>Takes one because a person wishes it, or gives the outcome of the same operation id again.</summary>
    /// <exception cref="McpException">NotFound, or what failed.</exception>
    public Task<CreateSnapshotResponse> CreateAsync(OperationRequest operation, SnapshotSubject subject, CreateSnapshotRequest request, CancellationToken call)
    {
        if (!subject.IsService)
        {
            return runner.RunAsync(
                operation.Id, operation.Key, (scope, stop) => scope.StepAsync("snapshot", () => TakeAsync(subject, manual: true, operation.Id, operation.Principal, Into(scope), null, stop)), call);
        }
        return journal.RunAsync(
            operation,
            CreateSnapshotResponse.Parser,
            earlier => earlier.AlreadyDone = true,
            async (run, stop) =>
            {
                database.Write(connection => run.Record(connection, request, Where(connection, subject).Node));
                return await run.Scope.StepAsync("snapshot", () => TakeAsync(
                    subject, manual: true, operation.Id, operation.Principal, Into(run.Scope), (connection, response) => run.Succeed(connection, response, run.Scope.Steps), stop));
            },
            call);
    }

    /// <summary>Takes one; the caller holds the service's lock.</summary>
    /// <param name="subject">Whose.</param>
    /// <param name="manual">A person wishes it: it is not pruned by age.</param>
    /// <param name="id">The operation.</param>
    /// <param name="by">Who.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="ended">Written in the transaction that makes it known.</param>
    /// <param name="cancellation">Ends it; nothing of it stays.</param>
    /// <exception cref="McpException">NotFound: there is nothing of the kind; or what failed.</exception>
    public async Task<CreateSnapshotResponse> TakeAsync(
        SnapshotSubject subject, bool manual, OperationId id, string by, ExportProgress progress, Action<SqliteConnection, CreateSnapshotResponse>? ended, CancellationToken cancellation)
    {
        if (!await _few.WaitAsync(0, cancellation))
        {
            progress("waiting for other snapshots", 0, 0);
            await _few.WaitAsync(cancellation);
        }
        try
        {
            return await TakeNowAsync(subject, manual, id, by, progress, ended, cancellation);
        }
        catch (McpException e) when (!cancellation.IsCancellationRequested && !NothingThere(subject, e))
        {
            database.Write(connection =>
            {
                SnapshotCourseStore.Tried(connection, subject.Key, Timestamp.Now(clock), e.Cause is null ? e.Message : $"{e.Message}: {e.Cause}");
                Tell(connection, subject, e.Node ?? subject.Node, "snapshot-failed", "warning", $"the snapshot of {subject} failed: {e.Message}{(e.Cause is null ? "" : $": {e.Cause}")}", by, id);
            });
            throw;
        }
        finally
        {
            _few.Release();
        }
    }

    /// <summary>Whether the node simply has nothing of the kind: an agent without a proxy, or one of a version before snapshots.</summary>
    public static bool NothingThere(SnapshotSubject subject, McpException e) =>
        subject is { IsService: false, Name: not ReservedNames.MasterService } && e.Code is FaultCode.NotFound or FaultCode.Unimplemented;

    /// <inheritdoc/>
    public void Dispose() => _few.Dispose();

    private async Task<CreateSnapshotResponse> TakeNowAsync(
        SnapshotSubject subject, bool manual, OperationId id, string by, ExportProgress progress, Action<SqliteConnection, CreateSnapshotResponse>? ended, CancellationToken cancellation)
    {
        // 1
        var source = database.Read(connection => Where(connection, subject));
        var newest = database.Read(connection => SnapshotStore.All(connection, subject.Key)).FirstOrDefault();
        // 2
        folder.Prepare();
        folder.Room.Require(newest?.SizeBytes ?? 0);
        // 3
        var at = clock.GetUtcNow();
        var row = await folder.TakeAsync(
            subject,
            at,
            async intake => new SnapshotRow
            {
                Service = subject.Key,
                Filename = "",
                Node = source.Node,
                Epoch = source.Epoch,
                SizeBytes = 0,
                FileSha256 = "",
                CreatedAt = Timestamp.Format(at),
                Manual = manual,
                Trailer = await FillAsync(subject, source, id, by, intake, progress, cancellation),
            },
            described => SnapshotDocument.Of(described, source.Spec, source.Images));
        // 4
        IReadOnlyList<SnapshotRow> pruned = [];
        var response = database.Write(connection =>
        {
            row = row with { Id = SnapshotStore.Add(connection, row) };
            var verdict = SnapshotRetention.Judge(
                SnapshotStore.All(connection, subject.Key), row, SnapshotCourseStore.Find(connection, subject.Key)?.ShrunkFrom ?? "", configuration.Snapshots.Retain);
            pruned = verdict.Remove;
            foreach (var old in pruned)
                SnapshotStore.Remove(connection, old.Id);
            SnapshotCourseStore.Tried(connection, subject.Key, Timestamp.Now(clock), "");
            SnapshotCourseStore.Shrunk(connection, subject.Key, verdict.ShrunkFrom);
            Tell(connection, subject, row.Node, "snapshot-taken", "info",
                $"{row.Filename} of {subject}, {row.SizeBytes} bytes{(row.Partial ? ", partial" : "")}{(pruned.Count > 0 ? $"; {pruned.Count} older ones were let go" : "")}", by, id);
            var answer = Answer(row, verdict);
            ended?.Invoke(connection, answer);
            return answer;
        });
        // 5
        foreach (var old in pruned)
            folder.Remove(old);
        return response;
    }

    private async Task<StreamTrailer> FillAsync(
        SnapshotSubject subject, Source source, OperationId id, string by, ArchiveIntake intake, ExportProgress progress, CancellationToken cancellation)
    {
        if (subject == SnapshotSubject.Master)
            return await Task.Run(() => state.Write(new IntakeStream(intake, cancellation), cancellation), cancellation);
        var request = new ExportServiceDataRequest { ServiceName = subject.Name, Mode = "snapshot", Epoch = source.Epoch };
        return await export.ReadAsync(source.Node, request, PartId.Of(id, "export"), by, intake, progress, cancellation);
    }

    private static Source Where(SqliteConnection connection, SnapshotSubject subject)
    {
        if (!subject.IsService)
            return new Source(subject.Node, 0, null, []);
        var (placement, data) = (PlacementStore.Find(connection, subject.Name), DataRecordStore.Current(connection, subject.Name));
        if (placement is null or { Pending: true } && data is null)
            throw new McpException(FaultCode.NotFound, $"there is no service {subject}, nor data of one") { Hint = "mcp list; mcp data list" };
        // Where the record of the data points elsewhere, it is right: the placement follows it.
        return new Source(
            data?.Node ?? placement!.Node, data?.Epoch ?? placement!.Epoch, placement?.Spec ?? data!.Spec, placement?.Images ?? []);
    }

    private static CreateSnapshotResponse Answer(SnapshotRow row, Pruning pruning)
    {
        var answer = new CreateSnapshotResponse
        {
            Filename = row.Filename,
            SizeBytes = (ulong)row.SizeBytes,
            Partial = row.Partial,
            Sha256 = row.Trailer.Sha256,
            Id = (ulong)row.Id,
            Node = row.Node,
            DataBytes = row.Trailer.Bytes,
            Entries = row.Trailer.Entries,
            ShrunkFrom = pruning.ShrunkFrom,
        };
        answer.Skipped.AddRange(row.Trailer.Skipped);
        answer.Databases.AddRange(row.Trailer.Databases);
        return answer;
    }

    private static ExportProgress Into(OperationScope scope) => (phase, done, total) => scope.Progress(phase, done, total, done > 0 || total > 0 ? "bytes" : "");

    private void Tell(SqliteConnection connection, SnapshotSubject subject, string node, string kind, string severity, string message, string by, OperationId id) => EventStore.Add(connection, new FleetEvent
    {
        At = Timestamp.Now(clock),
        Node = node,
        Service = subject.IsService ? subject.Name : "",
        Kind = kind,
        Severity = severity,
        Message = Printable.Line(message),
        Principal = by,
        Operation = id.Value,
    });

    private sealed record Source(string Node, ulong Epoch, ServiceSpec? Spec, IReadOnlyList<ComponentImage> Images);
}

/// <summary>A snapshot that the master's end cut short: nothing of it stays, so nothing is to be written.</summary>
internal sealed class SnapshotEnding : IOperationEnding
{
    /// <inheritdoc/>
    public IReadOnlyList<string> Kinds => [SnapshotTaking.Kind];

    /// <inheritdoc/>
    public void Succeeded(SqliteConnection connection, OperationRow row, AgentOutcome.Succeeded outcome) =>
        throw new InvalidOperationException("A snapshot asks no agent what became of it.");

    /// <inheritdoc/>
    public void Failed(SqliteConnection connection, OperationRow row, bool holdsNothing)
    {
        // The temporary file was removed at the start; an archive that was whole was taken up again.
    }
}
