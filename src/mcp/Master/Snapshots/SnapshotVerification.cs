using Google.Protobuf;
using Mcp.Archive;
using Mcp.Confined.V1;
using Mcp.Confinement;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Snapshots;

/// <summary>
/// Reads snapshots as a restore would, and restores nothing: every byte, both digests, the tar by the rules of import, <c>integrity_check</c> of every
/// database. What a service wrote is hostile when it is read, too: tar and databases are looked at by a confined child that reaches a scratch folder
/// and nothing else. What it finds is kept in the row, so that no restore begins with a snapshot that is known to be bad.
/// </summary>
internal sealed class SnapshotVerification(Database database, SnapshotFolder folder, ConfinedProgram program, TimeProvider clock)
{
    /// <summary>Below the snapshot folder; a name that no service can have.</summary>
    private const string Scratch = ".scratch";

    private const int Piece = Frames.Chunk;

    /// <summary>Verifies everything of one archive.</summary>
    /// <param name="row">Which.</param>
    /// <param name="progress">Bytes of the file so far.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The verdict; that it is bad is no exception.</returns>
    /// <exception cref="McpException">ResourceExhausted: there is no room for its largest database; or it could not be tried.</exception>
    public async Task<SnapshotVerdict> VerifyAsync(SnapshotRow row, Action<long> progress, CancellationToken cancellation)
    {
        var verdict = new SnapshotVerdict { ServiceName = row.Service, Filename = row.Filename, Id = (ulong)row.Id };
        if (!File.Exists(folder.PathOf(row)))
        {
            Note(row, verdict.Error = SnapshotRow.Gone);
            return verdict;
        }
        folder.Room.Require((long)row.Trailer.Databases.Select(d => d.Bytes).DefaultIfEmpty().Max());
        var scratch = Path.Combine(folder.Root, Scratch, Guid.NewGuid().ToString("N"));
        SecretFile.EnsureFolder(Path.Combine(folder.Root, Scratch));
        SecretFile.EnsureFolder(scratch);
        try
        {
            var result = await ReadAsync(row, scratch, progress, cancellation);
            (verdict.Entries, verdict.DataBytes, verdict.Error) = (result.Came.Entries, result.Came.Bytes, result.Damaged);
            verdict.Databases.AddRange(result.Came.Databases.Select(d => PrintableBytes.Line(d.Path.Span, 300)));
            verdict.NotChecked.AddRange(result.Came.Databases.Where(d => d.NotChecked.Length > 0).Select(d => $"{PrintableBytes.Line(d.Path.Span, 300)}: {d.NotChecked}"));
        }
        catch (McpException e) when (e.Code is FaultCode.NotFound)
        {
            verdict.Error = SnapshotRow.Gone;
        }
        // InvalidArgument is how the child refuses an archive.
        catch (McpException e) when (e.Code is FaultCode.DataLoss or FaultCode.InvalidArgument)
        {
            verdict.Error = e.Cause ?? e.Message;
        }
        catch (IOException e)
        {
            verdict.Error = $"it cannot be read: {e.Message}";
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
        verdict.Good = verdict.Error.Length == 0;
        Note(row, verdict.Error);
        return verdict;
    }

    /// <summary>Reads every byte of an archive that is about to be used; its databases are checked by the node that takes it.</summary>
    /// <exception cref="McpException">DataLoss: it is damaged; an older good one is proposed, never taken by itself.</exception>
    public async Task RequireWholeAsync(SnapshotRow row, IReadOnlyList<SnapshotRow> all, string command, Action<long> progress, CancellationToken cancellation)
    {
        try
        {
            if (row.Damage.Length > 0 && !row.Missing)
                throw new McpException(FaultCode.DataLoss, $"the snapshot {row.Filename} of {row.Service} is damaged") { Cause = $"{row.Damage} (found at {row.VerifiedAt})" };
            await Task.Factory.StartNew(
                () => ArchiveFile.RequireUnchanged(folder.PathOf(row), row, progress, cancellation), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        catch (McpException e) when (e.Code is FaultCode.DataLoss or FaultCode.NotFound)
        {
            if (row.Damage.Length == 0)
                Note(row, e.Code == FaultCode.NotFound ? SnapshotRow.Gone : e.Cause ?? e.Message);
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

    private void Note(SnapshotRow row, string damage) => database.Write(connection =>
    {
        if (damage == SnapshotRow.Gone)
            SnapshotStore.Seen(connection, row.Id, there: false);
        else
            SnapshotStore.Verified(connection, row.Id, damage, Timestamp.Now(clock));
    });

    private async Task<VerifyResult> ReadAsync(SnapshotRow row, string scratch, Action<long> progress, CancellationToken cancellation)
    {
        await using var file = ArchiveFile.Open(folder.PathOf(row), row);
        using var digest = new DigestStream(file);
        var folders = new ConfinedFolders { Writing = [scratch], LargestFile = folder.Room.Left() };
        await using var child = await ConfinedChild.StartAsync(program, folders, new ConfinedJob { Verify = new VerifyJob { Scratch = scratch } }, $"verifies {row.Service}", cancellation);
        var buffer = new byte[Piece];
        while (true)
        {
            var length = digest.ReadAtLeast(buffer, Piece, throwOnEndOfStream: false);
            if (length == 0)
                break;
            await child.SendAsync(UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, length)), cancellation);
            progress(digest.Count);
        }
        await child.EndAsync(cancellation);
        while (await child.NextAsync(cancellation) is not null)
        {
        }
        var result = child.Result!.Verify;
        ArchiveFile.RequireSame(row, digest.Count, digest.Sha256, new ArchiveFacts(result.Came.Sha256, result.Came.Bytes, result.Came.Entries));
        return result;
    }
}
