using Mcp.Errors;
using Mcp.Files;
using Mcp.Master.Reading;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Snapshots;

/// <summary>
/// Brings folder and database together at the start, before anything is taken or pruned: what a killed process left half done is removed, an archive
/// without row is taken up again from its description, a row whose archive is gone from its folder ends. What is not understood is left alone and named.
/// A folder that is away or cannot be read (a disk that is not mounted, a master restored on a new machine) keeps no master from starting, and no row
/// is given up for it: such archives are missing, which is told, and which no backup is.
/// </summary>
/// <param name="folder">Where archives lie.</param>
/// <param name="database">What is known of them.</param>
/// <param name="leftovers">Remove what others left half done.</param>
/// <param name="clock">For events.</param>
/// <param name="log">What was done.</param>
internal sealed partial class SnapshotReview(SnapshotFolder folder, Database database, IReadOnlyList<Action> leftovers, TimeProvider clock, ILogger<SnapshotReview> log)
{
    /// <summary>Looks once.</summary>
    public void Run()
    {
        try
        {
            foreach (var remove in leftovers)
                remove();
            var rows = database.Read(c => SnapshotStore.All(c));
            var known = rows.ToLookup(r => r.Service, StringComparer.Ordinal);
            foreach (var (subject, path) in folder.Subjects())
            {
                Review(subject, path, known[subject.Key].Select(r => r.Filename).ToHashSet(StringComparer.Ordinal));
                foreach (var row in known[subject.Key].Where(r => !File.Exists(folder.PathOf(r))))
                    Lost(row);
            }
            Note(rows.Where(r => Directory.Exists(Path.GetDirectoryName(folder.PathOf(r))) == r.Missing).ToList());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or McpException)
        {
            LogUnreadable(folder.Root, e.Message);
        }
    }

    private void Review(SnapshotSubject subject, string path, HashSet<string> rows)
    {
        foreach (var file in Directory.GetFiles(path).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(file);
            if (IsLeftover(name) || SnapshotName.ArchiveOf(name) is { } archive && !rows.Contains(archive) && !File.Exists(Path.Combine(path, archive)))
            {
                File.Delete(file);
                LogRemoved(file);
            }
            else if (SnapshotName.IsOne(name) && !rows.Contains(name))
            {
                TakeUp(subject, path, name);
            }
        }
    }

    private void TakeUp(SnapshotSubject subject, string path, string name)
    {
        var (archive, description) = (Path.Combine(path, name), Path.Combine(path, SnapshotName.Description(name)));
        var row = File.Exists(description) ? SnapshotDocument.Read(File.ReadAllBytes(description))?.ToRow() : null;
        if (row is null || row.Service != subject.Key || row.Filename != name || row.SizeBytes != new FileInfo(archive).Length)
        {
            LogStrange(archive);
            return;
        }
        database.Write(connection => SnapshotStore.Add(connection, row));
        LogTakenUp(archive);
    }

    // A whole folder that is away is on another disk or another machine, and may come back: its rows stay, and count for nothing meanwhile.
    private void Note(List<SnapshotRow> changed)
    {
        if (changed.Count == 0)
            return;
        database.Write(connection =>
        {
            foreach (var row in changed)
                SnapshotStore.Seen(connection, row.Id, row.Missing);
        });
        LogMissing(changed.Count(r => !r.Missing), changed.Count(r => r.Missing), folder.Root);
    }

    private void Lost(SnapshotRow row) => database.Write(connection =>
    {
        SnapshotStore.Remove(connection, row.Id);
        EventStore.Add(connection, new FleetEvent
        {
            At = Timestamp.Now(clock),
            Node = row.Node,
            Service = row.Service,
            Kind = "snapshot-lost",
            Severity = "error",
            Message = $"the snapshot {row.Filename} of {row.Service} is gone from {folder.Root}; nobody here removed it",
        });
    });

    // ".NAME.PROCESS-RANDOM.tmp", whose writer is gone.
    private static bool IsLeftover(string file)
    {
        if (!file.StartsWith('.') || !file.EndsWith(".tmp", StringComparison.Ordinal))
            return false;
        var name = file[1..^4];
        var dot = name.LastIndexOf('.');
        return dot > 0 && TemporaryName.IsLeftover(file, name[..dot]);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The snapshot folder {Folder} cannot be read, and is not looked through: {Cause}")]
    private partial void LogUnreadable(string folder, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Missing} snapshots that were there are not in {Folder}, {Back} are there again")]
    private partial void LogMissing(int missing, int back, string folder);

    [LoggerMessage(Level = LogLevel.Information, Message = "Removed {File}, which a killed process left")]
    private partial void LogRemoved(string file);

    [LoggerMessage(Level = LogLevel.Information, Message = "Took {File} up again: the database did not know it")]
    private partial void LogTakenUp(string file);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} is left alone: its description is missing or does not fit, so what it holds is not known")]
    private partial void LogStrange(string file);
}
