using Google.Protobuf;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Snapshots;

/// <summary>The rows of the archives in the snapshot folder. A row is written after its archive is whole and in its place, and goes before it.</summary>
internal static class SnapshotStore
{
    private const string Columns =
        "id, service, filename, node, epoch, size_bytes, file_sha256, created_at, manual, trailer, verified_at, damage, drilled_at";

    /// <summary>Adds an archive and gives its id; one that is there already keeps its own.</summary>
    public static long Add(SqliteConnection connection, SnapshotRow row)
    {
        connection.Execute(
            """
            INSERT INTO snapshots(service, filename, node, epoch, size_bytes, sha256, file_sha256, data_bytes, entries, created_at, manual, partial, trailer)
            VALUES($service, $filename, $node, $epoch, $size, $sha256, $file, $data, $entries, $at, $manual, $partial, $trailer)
            ON CONFLICT(service, filename) DO NOTHING
            """,
            ("$service", row.Service), ("$filename", row.Filename), ("$node", row.Node), ("$epoch", (long)row.Epoch), ("$size", row.SizeBytes),
            ("$sha256", row.Trailer.Sha256), ("$file", row.FileSha256), ("$data", (long)row.Trailer.Bytes), ("$entries", (long)row.Trailer.Entries),
            ("$at", row.CreatedAt), ("$manual", row.Manual ? 1L : 0L), ("$partial", row.Partial ? 1L : 0L), ("$trailer", row.Trailer.ToByteArray()));
        return connection.Scalar<long>("SELECT id FROM snapshots WHERE service = $service AND filename = $filename", ("$service", row.Service), ("$filename", row.Filename));
    }

    /// <summary>All of one service, or of everything when it is empty; the newest first.</summary>
    public static List<SnapshotRow> All(SqliteConnection connection, string service = "") =>
        connection.Query($"SELECT {Columns} FROM snapshots WHERE $service = '' OR service = $service ORDER BY service, id DESC", Map, ("$service", service));

    /// <summary>The newest of each service whose file is there, by service.</summary>
    public static Dictionary<string, SnapshotRow> Newest(SqliteConnection connection) =>
        connection.Query($"SELECT {Columns} FROM snapshots WHERE id IN (SELECT max(id) FROM snapshots WHERE damage <> $gone GROUP BY service)", Map, ("$gone", SnapshotRow.Gone))
            .ToDictionary(r => r.Service, StringComparer.Ordinal);

    /// <summary>How many of each service are known, but are not in the folder.</summary>
    public static Dictionary<string, long> Missing(SqliteConnection connection) =>
        connection.Query("SELECT service, count(*) FROM snapshots WHERE damage = $gone GROUP BY service", r => (Service: r.GetString(0), Count: r.GetInt64(1)), ("$gone", SnapshotRow.Gone))
            .ToDictionary(r => r.Service, r => r.Count, StringComparer.Ordinal);

    /// <summary>The services that have a complete one without known damage.</summary>
    public static HashSet<string> WithComplete(SqliteConnection connection) =>
        connection.Query("SELECT DISTINCT service FROM snapshots WHERE partial = 0 AND damage = ''", r => r.GetString(0)).ToHashSet(StringComparer.Ordinal);

    /// <summary>One archive, or null.</summary>
    public static SnapshotRow? Find(SqliteConnection connection, string service, string filename) =>
        connection.QueryFirst($"SELECT {Columns} FROM snapshots WHERE service = $service AND filename = $filename", Map, ("$service", service), ("$filename", filename));

    /// <summary>Takes the row away; the files go after it.</summary>
    public static void Remove(SqliteConnection connection, long id) => connection.Execute("DELETE FROM snapshots WHERE id = $id", ("$id", id));

    /// <summary>Notes what reading every byte found; empty: all is well.</summary>
    public static void Verified(SqliteConnection connection, long id, string damage, string at) =>
        connection.Execute("UPDATE snapshots SET verified_at = $at, damage = $damage WHERE id = $id", ("$id", id), ("$damage", damage), ("$at", at));

    /// <summary>Notes whether its file is there. One that is away is not verified, and one that came back is not verified by that.</summary>
    public static void Seen(SqliteConnection connection, long id, bool there) =>
        connection.Execute("UPDATE snapshots SET verified_at = NULL, damage = $damage WHERE id = $id", ("$id", id), ("$damage", there ? "" : SnapshotRow.Gone));

    /// <summary>Notes that a restore of it was proven.</summary>
    public static void Drilled(SqliteConnection connection, long id, string at) =>
        connection.Execute("UPDATE snapshots SET drilled_at = $at WHERE id = $id", ("$id", id), ("$at", at));

    private static SnapshotRow Map(SqliteDataReader r) => new()
    {
        Id = r.GetInt64(0),
        Service = r.GetString(1),
        Filename = r.GetString(2),
        Node = r.GetString(3),
        Epoch = (ulong)r.GetInt64(4),
        SizeBytes = r.GetInt64(5),
        FileSha256 = r.GetString(6),
        CreatedAt = r.GetString(7),
        Manual = r.GetInt64(8) != 0,
        Trailer = StreamTrailer.Parser.ParseFrom(r.Blob(9)),
        VerifiedAt = r.TextOrNull(10),
        Damage = r.GetString(11),
        DrilledAt = r.TextOrNull(12),
    };
}
