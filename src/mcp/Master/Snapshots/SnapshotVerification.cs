using Mcp.Errors;
using Mcp.Files;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Snapshots;

/// <summary>
/// Reads snapshots as a restore would, and restores nothing: every byte, both digests, the tar by the rules of import, <c>integrity_check</c> of every
/// database. What it finds is kept in the row, so that no restore begins with one that is known to be bad.
/// </summary>
internal sealed class SnapshotVerification(Database database, SnapshotFolder folder, TimeProvider clock)
{
    /// <summary>Below the snapshot folder; a name that no service can have.</summary>
    private const string Scratch = ".scratch";

    /// <summary>Verifies everything of one archive.</summary>
    /// <param name="row">Which.</param>
    /// <param name="progress">Bytes of the file so far.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The verdict; that it is bad is no exception.</returns>
    public async Task<SnapshotVerdict> VerifyAsync(SnapshotRow row, Action<long> progress, CancellationToken cancellation)
    {
        var verdict = new SnapshotVerdict { ServiceName = row.Service, Filename = row.Filename, Id = (ulong)row.Id };
        verdict.NotChecked.AddRange(row.Trailer.Databases.Where(d => d.NotChecked.Length > 0).Select(d => $"{PrintableBytes.Line(d.Path.Span, 300)}: {d.NotChecked}"));
        var scratch = Path.Combine(folder.Root, Scratch, Guid.NewGuid().ToString("N"));
        SecretFile.EnsureFolder(Path.Combine(folder.Root, Scratch));
        SecretFile.EnsureFolder(scratch);
        try
        {
            // The application's own collations are not here: such a database was checked as far as can be when it was copied.
            var unknown = row.Trailer.Databases.Where(d => d.NotChecked.Length > 0).Select(d => PrintableBytes.Line(d.Path.Span, 300)).ToHashSet(StringComparer.Ordinal);
            var trial = new DatabaseTrial(scratch, folder.Room, DatabaseTrial.Check);
            var facts = await Task.Factory.StartNew(
                () => ArchiveFile.Read(folder.PathOf(row), row, (reader, entry) =>
                {
                    if (!unknown.Contains(PrintableBytes.Line(entry.Name, 300)))
                        trial.Visit(reader, entry);
                }, progress, cancellation),
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            (verdict.Entries, verdict.DataBytes, verdict.Error) = (facts.Entries, facts.Bytes, trial.Problem ?? "");
            verdict.Databases.AddRange(trial.Passed);
        }
        catch (McpException e) when (e.Code is FaultCode.DataLoss or FaultCode.NotFound)
        {
            verdict.Error = e.Cause ?? e.Message;
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
        verdict.Good = verdict.Error.Length == 0;
        database.Write(connection => SnapshotStore.Verified(connection, row.Id, verdict.Error, Timestamp.Now(clock)));
        return verdict;
    }

    /// <summary>Reads every byte of an archive that is about to be used; its databases are checked by the node that takes it.</summary>
    /// <exception cref="McpException">DataLoss: it is damaged; an older good one is proposed, never taken by itself.</exception>
    public async Task RequireWholeAsync(SnapshotRow row, IReadOnlyList<SnapshotRow> all, string command, Action<long> progress, CancellationToken cancellation)
    {
        try
        {
            if (row.Damage.Length > 0)
                throw new McpException(FaultCode.DataLoss, $"the snapshot {row.Filename} of {row.Service} is damaged") { Cause = $"{row.Damage} (found at {row.VerifiedAt})" };
            await Task.Factory.StartNew(
                () => ArchiveFile.Read(folder.PathOf(row), row, null, progress, cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        catch (McpException e) when (e.Code is FaultCode.DataLoss)
        {
            if (row.Damage.Length == 0)
                database.Write(connection => SnapshotStore.Verified(connection, row.Id, e.Cause ?? e.Message, Timestamp.Now(clock)));
            throw new McpException(e.Code, e.Message, e)
            {
                Cause = e.Cause,
                State = "nothing was done",
                Hint = SnapshotChoice.OlderThan(all, row) is { } older
                    ? $"the next older one is of {older.CreatedAt}: mcp snapshot verify {row.Service} --id {older.Id}; then mcp snapshot {command} {row.Service} --id {older.Id}"
                    : $"there is no older one; mcp snapshot create {row.Service} while the service has its data",
            };
        }
    }

    /// <summary>Removes what a killed verification left.</summary>
    public void RemoveLeftovers()
    {
        if (Directory.Exists(Path.Combine(folder.Root, Scratch)))
            Directory.Delete(Path.Combine(folder.Root, Scratch), recursive: true);
    }
}
