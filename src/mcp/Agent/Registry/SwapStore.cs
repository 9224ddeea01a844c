using Google.Protobuf;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Agent.Registry;

/// <summary>How far a change of a service's whole data folder is.</summary>
internal enum SwapPhase
{
    /// <summary>What comes in is being made; a kill undoes it.</summary>
    Preparing,

    /// <summary>It is complete, and the renames have begun: only forward.</summary>
    Placing,

    /// <summary>Folder and record are changed.</summary>
    Placed,

    /// <summary>It was undone.</summary>
    TakenBack,
}

/// <summary>One change of a service's whole data folder.</summary>
internal sealed record SwapRow
{
    /// <summary>The operation that makes it.</summary>
    public required OperationId Operation { get; init; }

    /// <summary>Whose data.</summary>
    public required string Service { get; init; }

    /// <summary>How far it is.</summary>
    public SwapPhase Phase { get; init; }

    /// <summary>What becomes the data, as <c>staging/NAME</c> or <c>aside/NAME</c>; empty: nothing does.</summary>
    public required string Incoming { get; init; }

    /// <summary>The inode of <see cref="Incoming"/>, which a rename keeps.</summary>
    public ulong IncomingInode { get; init; }

    /// <summary>Where the data that is here goes; empty: there is none.</summary>
    public string Outgoing { get; init; } = "";

    /// <summary>Of the files that an import brings.</summary>
    public ulong Bytes { get; init; }

    /// <summary>The volume id afterwards; empty: there is no record then.</summary>
    public string VolumeId { get; init; } = "";

    /// <summary>The epoch afterwards.</summary>
    public ulong Epoch { get; init; }

    /// <summary>The spec of the record afterwards.</summary>
    public ServiceSpec Spec { get; init; } = new();

    /// <summary>The record before; null: there was none.</summary>
    public DataRow? Before { get; init; }
}

/// <summary>The journal of changes of whole data folders; the operation's row stands beside it.</summary>
internal sealed class SwapStore(Database database)
{
    private const string Columns =
        "SELECT operation, service, phase, incoming, incoming_inode, outgoing, bytes, volume_id, epoch, spec, before_volume, before_epoch, before_state, before_node, before_superseded, before_spec FROM data_swaps";

    /// <summary>The change that an operation made or is making, or null.</summary>
    public SwapRow? Find(OperationId operation) =>
        database.Read(connection => connection.QueryFirst(Columns + " WHERE operation = $id", Map, ("$id", operation.Value)));

    /// <summary>Writes the row as it is now.</summary>
    public void Put(SwapRow row) => database.Write(connection => Put(connection, row));

    /// <summary>As <see cref="Put(SwapRow)"/>, in the caller's transaction.</summary>
    public static void Put(SqliteConnection connection, SwapRow row) =>
        connection.Execute(
            """
            INSERT OR REPLACE INTO data_swaps(operation, service, phase, incoming, incoming_inode, outgoing, bytes, volume_id, epoch, spec,
              before_volume, before_epoch, before_state, before_node, before_superseded, before_spec)
            VALUES($id, $s, $phase, $incoming, $inode, $outgoing, $bytes, $volume, $epoch, $spec, $bvolume, $bepoch, $bstate, $bnode, $bsuperseded, $bspec)
            """,
            ("$id", row.Operation.Value), ("$s", row.Service), ("$phase", Word(row.Phase)), ("$incoming", row.Incoming), ("$inode", (long)row.IncomingInode),
            ("$outgoing", row.Outgoing), ("$bytes", (long)row.Bytes), ("$volume", row.VolumeId), ("$epoch", (long)row.Epoch), ("$spec", row.Spec.ToByteArray()),
            ("$bvolume", row.Before?.VolumeId), ("$bepoch", (long?)row.Before?.Epoch), ("$bstate", row.Before?.State), ("$bnode", row.Before?.SupersededNode),
            ("$bsuperseded", (long?)row.Before?.SupersededEpoch), ("$bspec", row.Before?.Spec.ToByteArray()));

    /// <summary>Notes how far it is, in the caller's transaction.</summary>
    public static void SetPhase(SqliteConnection connection, OperationId operation, SwapPhase phase) =>
        connection.Execute("UPDATE data_swaps SET phase = $phase WHERE operation = $id", ("$phase", Word(phase)), ("$id", operation.Value));

    private static string Word(SwapPhase phase) => phase switch
    {
        SwapPhase.Preparing => "preparing",
        SwapPhase.Placing => "placing",
        SwapPhase.Placed => "placed",
        _ => "taken-back",
    };

    private static SwapRow Map(SqliteDataReader row) => new()
    {
        Operation = OperationId.Parse(row.GetString(0)),
        Service = row.GetString(1),
        Phase = row.GetString(2) switch { "preparing" => SwapPhase.Preparing, "placing" => SwapPhase.Placing, "placed" => SwapPhase.Placed, _ => SwapPhase.TakenBack },
        Incoming = row.GetString(3),
        IncomingInode = (ulong)row.GetInt64(4),
        Outgoing = row.GetString(5),
        Bytes = (ulong)row.GetInt64(6),
        VolumeId = row.GetString(7),
        Epoch = (ulong)row.GetInt64(8),
        Spec = row.IsDBNull(9) ? new ServiceSpec() : ServiceSpec.Parser.ParseFrom(row.Blob(9)),
        Before = row.IsDBNull(10) ? null : new DataRow(
            row.GetString(1), row.GetString(10), (ulong)row.GetInt64(11), row.GetString(12), row.GetString(13), (ulong)row.GetInt64(14),
            ServiceSpec.Parser.ParseFrom(row.Blob(15)), row.GetString(0), ""),
    };
}
