using Google.Protobuf;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>Which node holds which data of a service. Outlives undeploy; only a purge ends a record.</summary>
internal static class DataRecordStore
{
    private const string Columns = "service, node, volume_id, epoch, state, bytes, spec, updated";

    /// <summary>The data that the service runs on, or null when no node ever held any.</summary>
    public static DataRecord? Current(SqliteConnection connection, string service) =>
        connection.QueryFirst($"SELECT {Columns} FROM data_records WHERE service = $service AND state = 'current'", Map, ("$service", service));

    /// <summary>All records, or those of one service.</summary>
    public static List<DataRecord> All(SqliteConnection connection, string service = "") =>
        connection.Query($"SELECT {Columns} FROM data_records WHERE $service = '' OR service = $service ORDER BY service, state = 'current' DESC, node", Map, ("$service", service));

    /// <summary>The current record of every service, without its spec: for questions about all of them, which ask who owns.</summary>
    public static List<DataRecord> Owners(SqliteConnection connection) =>
        connection.Query(
            "SELECT service, node, volume_id, epoch, updated FROM data_records WHERE state = 'current' ORDER BY service",
            r => new DataRecord { Service = r.GetString(0), Node = r.GetString(1), VolumeId = r.GetString(2), Epoch = (ulong)r.GetInt64(3), State = "current", Updated = r.GetString(4) });

    /// <summary>Adds or replaces a record. A new current record puts the one before aside.</summary>
    public static void Put(SqliteConnection connection, DataRecord record)
    {
        if (record.State == "current")
        {
            connection.Execute(
                "UPDATE data_records SET state = 'aside', updated = $at WHERE service = $service AND state = 'current' AND NOT (node = $node AND volume_id = $volume)",
                ("$service", record.Service), ("$node", record.Node), ("$volume", record.VolumeId), ("$at", record.Updated));
        }
        connection.Execute(
            $"INSERT OR REPLACE INTO data_records({Columns}) VALUES($service, $node, $volume, $epoch, $state, $bytes, $spec, $updated)",
            ("$service", record.Service), ("$node", record.Node), ("$volume", record.VolumeId), ("$epoch", (long)record.Epoch), ("$state", record.State),
            ("$bytes", (long)record.Bytes), ("$spec", (record.Spec ?? new ServiceSpec { Name = record.Service }).ToByteArray()), ("$updated", record.Updated));
    }

    /// <summary>Removes the records of a service on a node, in one state or in all.</summary>
    public static void Remove(SqliteConnection connection, string service, string node, string state) =>
        connection.Execute(
            "DELETE FROM data_records WHERE service = $service AND node = $node AND ($state = '' OR state = $state)",
            ("$service", service), ("$node", node), ("$state", state));

    /// <summary>Removes the record of one copy that was put aside.</summary>
    public static void RemoveCopy(SqliteConnection connection, string service, string node, string volumeId, ulong epoch) =>
        connection.Execute(
            "DELETE FROM data_records WHERE service = $service AND node = $node AND volume_id = $volume AND epoch = $epoch AND state = 'aside'",
            ("$service", service), ("$node", node), ("$volume", volumeId), ("$epoch", (long)epoch));

    /// <summary>The highest epoch that any data of the service has, or was to get by a migration that did not come to that; 0 without one.</summary>
    public static ulong HighestEpoch(SqliteConnection connection, string service) =>
        (ulong)connection.Scalar<long>(
            """
            SELECT max(coalesce((SELECT max(epoch) FROM data_records WHERE service = $service), 0),
                       coalesce((SELECT max(epoch) FROM migrations_of_services WHERE service = $service), 0))
            """,
            ("$service", service));

    private static DataRecord Map(SqliteDataReader r) => new()
    {
        Service = r.GetString(0),
        Node = r.GetString(1),
        VolumeId = r.GetString(2),
        Epoch = (ulong)r.GetInt64(3),
        State = r.GetString(4),
        Bytes = (ulong)r.GetInt64(5),
        Spec = ServiceSpec.Parser.ParseFrom(r.Blob(6)),
        Updated = r.GetString(7),
    };
}
