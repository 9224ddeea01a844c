using Google.Protobuf;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Agent.Registry;

/// <summary>Data records: whose data lies on this node, in which epoch. They outlive undeploy.</summary>
internal sealed class DataStore(Database database, TimeProvider clock)
{
    private const string Columns = "SELECT service, volume_id, epoch, state, superseded_node, superseded_epoch, spec, operation, updated FROM data_records";

    /// <summary>The record of a service, or null.</summary>
    public DataRow? Find(string service) =>
        database.Read(connection => connection.QueryFirst(Columns + " WHERE service = $s", Map, ("$s", service)));

    /// <summary>All records, by service.</summary>
    public IReadOnlyList<DataRow> All() => database.Read(connection => connection.Query(Columns + " ORDER BY service", Map));

    /// <summary>Writes a current record.</summary>
    public void Put(string service, string volumeId, ulong epoch, ServiceSpec spec, string operation, Action<SqliteConnection>? also = null) =>
        database.Write(connection =>
        {
            Write(connection, new DataRow(service, volumeId, epoch, "current", "", 0, spec, operation, clock.Stamp()));
            also?.Invoke(connection);
        });

    /// <summary>Writes a record as it is, in the caller's transaction.</summary>
    public static void Write(SqliteConnection connection, DataRow row) =>
        connection.Execute(
            """
            INSERT INTO data_records(service, volume_id, epoch, state, superseded_node, superseded_epoch, spec, operation, updated)
            VALUES($s, $volume, $epoch, $state, $node, $superseded, $spec, $operation, $updated)
            ON CONFLICT(service) DO UPDATE SET volume_id = excluded.volume_id, epoch = excluded.epoch, state = excluded.state, superseded_node = excluded.superseded_node,
              superseded_epoch = excluded.superseded_epoch, spec = excluded.spec, operation = excluded.operation, updated = excluded.updated
            """,
            ("$s", row.Service), ("$volume", row.VolumeId), ("$epoch", (long)row.Epoch), ("$state", row.State), ("$node", row.SupersededNode),
            ("$superseded", (long)row.SupersededEpoch), ("$spec", row.Spec.ToByteArray()), ("$operation", row.Operation), ("$updated", row.Updated));

    /// <summary>Forgets a record, in the caller's transaction.</summary>
    public static void Remove(SqliteConnection connection, string service) =>
        connection.Execute("DELETE FROM data_records WHERE service = $s", ("$s", service));

    /// <summary>Records the spec that uses the data now, in the caller's transaction.</summary>
    public static void SetSpec(SqliteConnection connection, ServiceSpec spec) =>
        connection.Execute("UPDATE data_records SET spec = $spec WHERE service = $s", ("$spec", spec.ToByteArray()), ("$s", spec.Name));

    /// <summary>Marks data that another node owns in a higher epoch; the files stay where they are.</summary>
    /// <returns>Whether the record changed: a lower or equal epoch never supersedes.</returns>
    public bool Supersede(string service, string node, ulong epoch) =>
        database.Write(connection => connection.Execute(
            """
            UPDATE data_records SET state = 'superseded', superseded_node = $node, superseded_epoch = $epoch, updated = $now
            WHERE service = $s AND epoch < $epoch AND superseded_epoch < $epoch
            """,
            ("$s", service), ("$node", node), ("$epoch", (long)epoch), ("$now", clock.Stamp())) > 0);

    /// <summary>Forgets the record of data that was erased, or that a failed first deploy never used.</summary>
    public void Remove(string service) =>
        database.Write(connection => Remove(connection, service));

    private static DataRow Map(SqliteDataReader row) => new(
        row.GetString(0), row.GetString(1), (ulong)row.GetInt64(2), row.GetString(3), row.GetString(4), (ulong)row.GetInt64(5),
        ServiceSpec.Parser.ParseFrom(row.Blob(6)), row.GetString(7), row.GetString(8));
}

/// <summary>A data record.</summary>
/// <param name="State">"current" or "superseded".</param>
internal sealed record DataRow(
    string Service, string VolumeId, ulong Epoch, string State, string SupersededNode, ulong SupersededEpoch, ServiceSpec Spec, string Operation, string Updated);
