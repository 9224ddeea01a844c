using Mcp.Errors;
using Mcp.Files;

namespace Mcp.Master.Snapshots;

/// <summary>
/// The folder <c>[snapshots] dir</c>: <c>&lt;service&gt;/&lt;time&gt;.tar.zst</c> with a <c>.json</c> beside it. In this order an archive comes to be,
/// so that a kill or a power cut at any line leaves something that the next start (<see cref="SnapshotReview"/>) understands:
/// 1 the archive under a temporary name, its trailer verified, fsync (killed before 3: a temporary file, removed);
/// 2 its description, durable (killed before 3: a description of nothing, removed);
/// 3 the archive's rename; 4 fsync of the folder (killed before 5: an archive without row, taken up again from its description);
/// 5 the row in master.db.
/// One goes the other way round: its row, the archive, its description; killed in between it is taken up again, and pruned again.
/// </summary>
internal sealed class SnapshotFolder(string root, Func<string, (long Free, long Size)> disk)
{
    private readonly Lock _naming = new();
    private readonly HashSet<string> _promised = new(StringComparer.Ordinal);

    /// <summary>Where it is.</summary>
    public string Root { get; } = Path.GetFullPath(root);

    /// <summary>What may still be written here.</summary>
    public StoreRoom Room { get; } = new(Path.GetFullPath(root), disk);

    /// <summary>The folder of one service.</summary>
    public string Of(SnapshotSubject subject) => Path.Combine([Root, .. subject.Key.Split('/')]);

    /// <summary>The path of an archive that a row names.</summary>
    /// <exception cref="McpException">DataLoss: the row was tampered with; names are made here and are never paths.</exception>
    public string PathOf(SnapshotRow row) => SnapshotSubject.TryParse(row.Service, out var subject) && SnapshotName.IsOne(row.Filename)
        ? Path.Combine(Of(subject), row.Filename)
        : throw new McpException(FaultCode.DataLoss, $"the database has a snapshot with an impossible name: {Text.Printable.Line($"{row.Service} {row.Filename}", 200)}") { Hint = "a name in the table 'snapshots' was changed by hand" };

    /// <summary>Makes the folder, 0700; refuses one that others can enter.</summary>
    /// <exception cref="McpException">It is open to others, or is a link.</exception>
    public void Prepare() => SecretFile.EnsureFolder(Root);

    /// <summary>Takes in one archive, from the first byte to its place; steps 1 to 4 of the map above.</summary>
    /// <param name="subject">Whose.</param>
    /// <param name="at">When it began; its name.</param>
    /// <param name="fill">Hands the bytes in and gives the trailer that came with them.</param>
    /// <param name="describe">What is written beside it.</param>
    /// <returns>The row that is to be written.</returns>
    /// <exception cref="McpException">The disk is full, or the archive is not what its trailer says; nothing of it stays.</exception>
    public async Task<SnapshotRow> TakeAsync(
        SnapshotSubject subject, DateTimeOffset at, Func<ArchiveIntake, Task<SnapshotRow>> fill, Func<SnapshotRow, SnapshotDocument> describe)
    {
        var folder = Of(subject);
        Prepare();
        foreach (var part in Ancestors(folder))
            SecretFile.EnsureFolder(part);
        var name = Promise(folder, at);
        try
        {
            var path = Path.Combine(folder, name);
            // 1
            await using var intake = new ArchiveIntake(path, Room);
            var row = await fill(intake) with { Filename = name };
            await intake.FinishAsync(row.Trailer);
            row = row with { SizeBytes = intake.Bytes, FileSha256 = intake.Sha256 };
            // 2
            DurableFile.Write(Path.Combine(folder, SnapshotName.Description(name)), describe(row).ToBytes(), DurableFile.Secret);
            // 3
            intake.Keep(path);
            // 4
            foreach (var part in Ancestors(folder).Append(Root))
                DurableFile.SyncFolder(part);
            return row;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            RemoveDescription(folder, name);
            throw new McpException(FaultCode.ResourceExhausted, $"the snapshot could not be written to {folder}", e)
            {
                Cause = e.Message,
                State = "nothing of it stays; earlier snapshots are untouched",
                Hint = $"df -h {folder}; ls -ld {folder}",
            };
        }
        finally
        {
            lock (_naming)
                _promised.Remove(Path.Combine(folder, name));
        }
    }

    /// <summary>Removes the files of an archive whose row is gone.</summary>
    public void Remove(SnapshotRow row)
    {
        var path = PathOf(row);
        var folder = Path.GetDirectoryName(path)!;
        if (!Directory.Exists(folder))
            return;
        File.Delete(path);
        RemoveDescription(folder, row.Filename);
        DurableFile.SyncFolder(folder);
    }

    /// <summary>What lies beside an archive; null: nothing readable.</summary>
    public SnapshotDocument? Describe(SnapshotRow row)
    {
        var path = SnapshotName.Description(PathOf(row));
        return File.Exists(path) ? SnapshotDocument.Read(File.ReadAllBytes(path)) : null;
    }

    /// <summary>Every folder of a service or node that exists, with whose it is.</summary>
    public IEnumerable<(SnapshotSubject Subject, string Folder)> Subjects()
    {
        if (!Directory.Exists(Root))
            yield break;
        foreach (var folder in Directory.GetDirectories(Root).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(folder);
            if (name is SnapshotSubject.AgentState or SnapshotSubject.ProxyState)
            {
                foreach (var inner in Directory.GetDirectories(folder).Order(StringComparer.Ordinal))
                {
                    if (SnapshotSubject.TryParse($"{name}/{Path.GetFileName(inner)}", out var node))
                        yield return (node, inner);
                }
            }
            else if (SnapshotSubject.TryParse(name, out var subject))
            {
                yield return (subject, folder);
            }
        }
    }

    // A name is promised before its file exists, so that two archives of one second do not both take it.
    private string Promise(string folder, DateTimeOffset at)
    {
        lock (_naming)
        {
            var name = SnapshotName.New(at, n => File.Exists(Path.Combine(folder, n)) || File.Exists(Path.Combine(folder, SnapshotName.Description(n))) || _promised.Contains(Path.Combine(folder, n)));
            _promised.Add(Path.Combine(folder, name));
            return name;
        }
    }

    private IEnumerable<string> Ancestors(string folder)
    {
        var parent = Path.GetDirectoryName(folder)!;
        return parent == Root ? [folder] : [parent, folder];
    }

    private static void RemoveDescription(string folder, string archive)
    {
        if (!File.Exists(Path.Combine(folder, archive)))
            File.Delete(Path.Combine(folder, SnapshotName.Description(archive)));
    }
}
