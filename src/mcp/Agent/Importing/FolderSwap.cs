using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Errors;

namespace Mcp.Agent.Importing;

/// <summary>
/// The moment at which a service's data becomes another folder, and the only code that renames data. It works from a row of the journal and from
/// what lies on the disk now, never from a memory of what was done, so it can be run again from any line:
///
///   a  commit     row 'placing': what comes in (with its inode), where what is here goes, the record before and after     one transaction
///   b  make way   what comes in gets, in aside/, the name that what is here will have (only an import that displaces something)
///   c  place      nothing here: rename in, never over anything; something here: EXCHANGE, so that the name always leads to whole data.
///                 Both folders that hold the names are fsynced after every rename
///   d  settle     what was displaced goes where the row says, if it does not lie there already
///   e  mark       of data that is taken back: its marker gets the new epoch
///   f  record     data record and phase 'placed'                                                                          one transaction
///
/// A kill between a and f is finished forward. Between c and f marker and record differ, and such data is refused at every start of a container:
/// the safe half. What was a service's data never lies in staging/ before f, since everything in staging/ is erased when the agent starts.
/// A rename that the file system refuses in b or c is taken back: what came in goes to staging/ again and the row is 'taken-back'.
/// </summary>
internal sealed class FolderSwap(AgentParts parts)
{
    /// <summary>Commits to the change (a) and makes it (b to f).</summary>
    /// <param name="row">What; its phase is set here.</param>
    /// <param name="undone">An import that this change takes back; null: none.</param>
    /// <exception cref="McpException">The file system refused; nothing is changed.</exception>
    public void Run(SwapRow row, SwapRow? undone = null)
    {
        row = row with { Phase = SwapPhase.Placing };
        parts.Swaps.Put(row);
        Finish(row, undone);
    }

    /// <summary>Makes a change that was committed to, from wherever it is; safe to repeat.</summary>
    /// <exception cref="McpException">The file system refused; nothing is changed.</exception>
    public void Finish(SwapRow row, SwapRow? undone = null)
    {
        try
        {
            Place(row);
        }
        catch (Exception e) when (e is IOException or McpException && !IsPlaced(row))
        {
            TakeBack(row);
            throw e as McpException ?? new McpException(FaultCode.FailedPrecondition, $"the data folder of {row.Service} could not be put in its place", e)
            {
                Cause = e.Message,
                State = "the data is what it was before",
                Hint = $"ls -ld {parts.Folders.PathOf(row.Service)}; df -h {parts.Configuration.DataRoot}; is it a mount point, or another's? findmnt -T {parts.Folders.PathOf(row.Service)}",
            };
        }
        if (row.VolumeId.Length > 0 && row.Incoming.StartsWith(DataFolders.Aside, StringComparison.Ordinal) && parts.Folders.Observe(row.Service).Marker is { } marker &&
            (marker.Epoch != row.Epoch || marker.VolumeId != row.VolumeId))
        {
            parts.Folders.Mark(row.Service, row.VolumeId, row.Epoch);
        }
        parts.Database.Write(connection =>
        {
            if (row.VolumeId.Length == 0)
                DataStore.Remove(connection, row.Service);
            else
                DataStore.Write(connection, RecordAfter(row, undone));
            SwapStore.SetPhase(connection, row.Operation, SwapPhase.Placed);
            if (undone is not null)
                SwapStore.SetPhase(connection, undone.Operation, SwapPhase.TakenBack);
        });
    }

    /// <summary>Whether what comes in lies under the service's name; of data that goes away: whether it went.</summary>
    public bool IsPlaced(SwapRow row)
    {
        using var root = FolderHandle.Open(parts.Configuration.DataRoot);
        return row.Incoming.Length > 0
            ? root.TryFacts(row.Service)?.Inode == row.IncomingInode
            : InodeAt(row.Outgoing) is not null;
    }

    // A revert puts the record back as it was, superseded or not.
    private DataRow RecordAfter(SwapRow row, SwapRow? undone) => undone?.Before is { } before
        ? before with { Operation = row.Operation.Value, Updated = parts.Clock.Stamp() }
        : new DataRow(row.Service, row.VolumeId, row.Epoch, "current", "", 0, row.Spec, row.Operation.Value, parts.Clock.Stamp());

    private void Place(SwapRow row)
    {
        using var root = FolderHandle.Open(parts.Configuration.DataRoot);
        if (row.Incoming.Length == 0)
        {
            if (InodeAt(row.Outgoing) is null)
                Rename(root, row.Service, row.Outgoing);
            return;
        }
        var here = root.TryFacts(row.Service);
        if (here?.Inode == row.IncomingInode)
        {
            Settle(row);
            return;
        }
        if (here is null)
        {
            Rename(Located(row), root, row.Service);
            return;
        }
        if (row.Outgoing.Length == 0)
        {
            // It was empty when it was judged; if it is not any more, this fails, and so does the rename.
            root.TryRemove(row.Service, folder: true);
            Rename(Located(row), root, row.Service);
            return;
        }
        var from = Located(row);
        if (from.StartsWith(DataFolders.Staging, StringComparison.Ordinal))
        {
            Rename(from, row.Outgoing);
            from = row.Outgoing;
        }
        using (var place = Open(from, out var name))
            place.Exchange(name, root, row.Service);
        Settle(row);
    }

    private void Settle(SwapRow row)
    {
        if (row.Outgoing.Length > 0 && row.Incoming != row.Outgoing && InodeAt(row.Incoming) is not null && InodeAt(row.Outgoing) is null)
            Rename(row.Incoming, row.Outgoing);
    }

    // The row is closed as taken back; of an import, what came in is erased with the rest of staging/.
    private void TakeBack(SwapRow row)
    {
        if (row.Incoming.StartsWith(DataFolders.Staging, StringComparison.Ordinal) && row.Outgoing.Length > 0 && InodeAt(row.Outgoing) == row.IncomingInode)
            Rename(row.Outgoing, row.Incoming);
        parts.Database.Write(connection => SwapStore.SetPhase(connection, row.Operation, SwapPhase.TakenBack));
    }

    private string Located(SwapRow row) =>
        InodeAt(row.Incoming) == row.IncomingInode ? row.Incoming
        : row.Outgoing.Length > 0 && InodeAt(row.Outgoing) == row.IncomingInode ? row.Outgoing
        : throw new McpException(FaultCode.DataLoss, $"the folder that was to become the data of {row.Service} is gone")
        {
            Cause = $"it was .mcp/{row.Incoming}",
            State = "the data is what it was before",
            Hint = $"mcp data list {row.Service}",
        };

    private ulong? InodeAt(string reference) => reference.Length == 0 ? null : parts.Folders.InodeOf(reference[..reference.IndexOf('/')], reference[(reference.IndexOf('/') + 1)..]);

    private void Rename(string from, string to)
    {
        using var source = Open(from, out var name);
        using var target = Open(to, out var newName);
        source.Move(name, target, newName);
    }

    private void Rename(string from, FolderHandle root, string service)
    {
        using var source = Open(from, out var name);
        source.Move(name, root, service);
    }

    private void Rename(FolderHandle root, string service, string to)
    {
        using var target = Open(to, out var name);
        root.Move(service, target, name);
    }

    private FolderHandle Open(string reference, out string name)
    {
        name = reference[(reference.IndexOf('/') + 1)..];
        return parts.Folders.OpenPlace(reference[..reference.IndexOf('/')]);
    }
}
