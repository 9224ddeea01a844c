using Mcp.Agent.Registry;
using Mcp.Errors;

namespace Mcp.Agent.Ownership;

/// <summary>What lies in a service's folder.</summary>
internal enum FolderContent
{
    /// <summary>There is no folder.</summary>
    Absent,

    /// <summary>A folder without any entry.</summary>
    Empty,

    /// <summary>Entries, but no marker.</summary>
    Unmarked,

    /// <summary>A marker that this node did not write.</summary>
    Foreign,

    /// <summary>A marker of this node.</summary>
    Marked,
}

/// <summary>What was found on disk before a deploy.</summary>
internal sealed record FolderObservation(string Path, FolderContent Content, OwnerMarker? Marker);

/// <summary>What a deploy may do with the data folder.</summary>
/// <param name="VolumeId">The id that the data has or gets.</param>
/// <param name="Epoch">The epoch that the data has or gets.</param>
/// <param name="WriteMarker">Whether the marker is to be written: the folder is used for the first time, or anew.</param>
/// <param name="MoveAside">Whether what lies there goes aside first.</param>
internal sealed record DataDecision(string VolumeId, ulong Epoch, bool WriteMarker, bool MoveAside);

/// <summary>
/// Whether a deploy may run on the data that lies on this node: the rule that stands between an operator and a service that starts on an
/// empty folder, on another's data or on a stale copy. Pure: facts in, decision or refusal out. Everything doubtful is refused with the
/// command that resolves it; only <c>fresh</c> starts empty, and even then what lies there goes aside and is never deleted.
/// </summary>
internal static class DataGate
{
    /// <summary>Decides for one deploy.</summary>
    /// <param name="service">The service.</param>
    /// <param name="row">This node's data record, or null.</param>
    /// <param name="folder">What lies on disk.</param>
    /// <param name="epoch">The epoch of the master's data record; 0: a direct deploy, which keeps what is there.</param>
    /// <param name="volumeId">The volume id of the master's data record; may be empty.</param>
    /// <param name="fresh">Start empty on purpose.</param>
    /// <param name="newVolumeId">Gives an id where the caller brought none.</param>
    /// <exception cref="McpException">The data and the wish do not fit (FailedPrecondition).</exception>
    public static DataDecision Decide(string service, DataRow? row, FolderObservation folder, ulong epoch, string volumeId, bool fresh, Func<string> newVolumeId)
    {
        if (row is not null && epoch != 0 && epoch < row.Epoch)
        {
            throw Refuse(service, $"the request carries epoch {epoch}, but this node holds the data in epoch {row.Epoch}; a lower epoch is never obeyed",
                $"mcp data list {service}");
        }
        if (fresh)
            return StartFresh(row, folder, epoch, volumeId, newVolumeId);
        return row is null ? FirstUse(service, folder, epoch, volumeId, newVolumeId) : Reuse(service, row, folder, epoch, volumeId);
    }

    private static DataDecision StartFresh(DataRow? row, FolderObservation folder, ulong epoch, string volumeId, Func<string> newVolumeId)
    {
        // Asked again after a deploy that was put back: the fresh folder is there already, and moving it aside again would only litter.
        if (row is not null && volumeId.Length > 0 && row.VolumeId == volumeId && row.Epoch == epoch &&
            folder.Marker is { } same && same.VolumeId == volumeId && same.Epoch == epoch)
        {
            return new DataDecision(volumeId, epoch, WriteMarker: false, MoveAside: false);
        }
        // Unmarked files were put there by the operator for a service that never ran here (its configuration): they are what it starts with.
        var wasData = row is not null || folder.Content is FolderContent.Marked or FolderContent.Foreign;
        var next = epoch != 0 ? epoch : Math.Max(row?.Epoch ?? 0, folder.Marker?.Epoch ?? 0) + 1;
        return new DataDecision(volumeId.Length > 0 ? volumeId : newVolumeId(), next, WriteMarker: true,
            MoveAside: wasData && folder.Content is not (FolderContent.Absent or FolderContent.Empty));
    }

    private static DataDecision FirstUse(string service, FolderObservation folder, ulong epoch, string volumeId, Func<string> newVolumeId)
    {
        switch (folder.Content)
        {
            case FolderContent.Foreign:
                throw Refuse(service, $"{folder.Path} carries a marker that this node did not write: it was copied from elsewhere, or the node's key is another",
                    $"look at it, then take it as it is: mcp data accept {service}; or start empty and set it aside: mcp deploy {service} --fresh");
            case FolderContent.Marked when folder.Marker!.Service != service:
                throw Refuse(service, $"{folder.Path} carries the marker of the service {folder.Marker.Service}", $"move the folder back to where it belongs, then mcp deploy {service}");
            case FolderContent.Marked:
                throw Refuse(service, $"{folder.Path} holds data of epoch {folder.Marker!.Epoch}, but this node's registry has no record of it",
                    $"mcp data accept {service}");
        }
        if (epoch > 1)
        {
            throw Refuse(service, $"the fleet's record says that this node holds the data in epoch {epoch}, but it holds none",
                $"put the data back into {folder.Path} and type mcp data accept {service}; or start empty on purpose: mcp deploy {service} --fresh");
        }
        if (epoch == 0)
        {
            throw Refuse(service, "this node never held the service, and a direct deploy cannot know whether its data lies elsewhere",
                $"deploy through the master, or start empty on purpose: mcp deploy {service} --direct -n <node> --fresh");
        }
        return new DataDecision(volumeId.Length > 0 ? volumeId : newVolumeId(), epoch, WriteMarker: true, MoveAside: false);
    }

    private static DataDecision Reuse(string service, DataRow row, FolderObservation folder, ulong epoch, string volumeId)
    {
        if (row.State == "superseded")
        {
            throw Refuse(service, $"the data on this node (epoch {row.Epoch}) was superseded by epoch {row.SupersededEpoch} on {row.SupersededNode}",
                $"deploy it there: mcp deploy {service}; or take this copy on purpose: mcp data accept {service}");
        }
        if (epoch > row.Epoch)
        {
            throw Refuse(service, $"the fleet's record has epoch {epoch}, but this node holds epoch {row.Epoch}: an older copy",
                $"mcp data list {service} shows both; mcp data accept {service} takes this copy on purpose");
        }
        if (volumeId.Length > 0 && volumeId != row.VolumeId)
        {
            throw Refuse(service, $"the fleet's record names volume {volumeId}, but this node holds volume {row.VolumeId}",
                $"mcp data list {service} shows both; mcp data accept {service} takes this copy on purpose");
        }
        return folder.Content switch
        {
            FolderContent.Absent or FolderContent.Empty => throw Refuse(service,
                $"the registry expects data of epoch {row.Epoch} in {folder.Path}, but {(folder.Content == FolderContent.Absent ? "there is nothing" : "it is empty")}",
                $"is the disk mounted? (findmnt -T {folder.Path}); to start empty on purpose: mcp deploy {service} --fresh"),
            FolderContent.Unmarked => throw Refuse(service, $"{folder.Path} has lost its marker {OwnerMarker.FileName}: what lies there may not be the service's data",
                $"look at it, then take it as it is: mcp data accept {service}"),
            FolderContent.Foreign => throw Refuse(service, $"{folder.Path} carries a marker that this node did not write: it was copied from elsewhere, or the node's key is another",
                $"look at it, then take it as it is: mcp data accept {service}"),
            _ when folder.Marker!.Service != service => throw Refuse(service, $"{folder.Path} carries the marker of the service {folder.Marker.Service}",
                $"move the folder back to where it belongs, then mcp deploy {service}"),
            _ when folder.Marker!.VolumeId != row.VolumeId || folder.Marker.Epoch != row.Epoch => throw Refuse(service,
                $"{folder.Path} is marked as volume {folder.Marker.VolumeId} epoch {folder.Marker.Epoch}, but the registry expects volume {row.VolumeId} epoch {row.Epoch}",
                $"look at it, then take it as it is: mcp data accept {service}"),
            _ => new DataDecision(row.VolumeId, row.Epoch, WriteMarker: false, MoveAside: false),
        };
    }

    private static McpException Refuse(string service, string cause, string hint) =>
        new(FaultCode.FailedPrecondition, $"the data of {service} on this node does not allow a start") { Cause = cause, Hint = hint };
}
