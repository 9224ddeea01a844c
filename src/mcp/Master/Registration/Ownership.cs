using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Names;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Registration;

/// <summary>
/// Compares what an agent says it holds with the data records. The higher epoch owns, never an equal one:
/// record higher, elsewhere → the agent is told that its copy is superseded; record lower → the master was behind (an older copy of its
/// database) and adopts what the agent has.
/// </summary>
internal static class Ownership
{
    /// <summary>Judges the services of one Register and corrects the records that are behind.</summary>
    public static List<SupersededService> Judge(SqliteConnection connection, string node, IEnumerable<OwnedService> services, string at)
    {
        var superseded = new List<SupersededService>();
        foreach (var owned in services)
        {
            if (!ServiceName.TryParse(owned.Name, out _, out _) || owned.Epoch is 0 or > long.MaxValue || owned.VolumeId.Length > 64)
                continue;
            var record = DataRecordStore.Current(connection, owned.Name);
            if (record is not null && record.Epoch > owned.Epoch && !(record.Node == node && record.VolumeId == owned.VolumeId))
                superseded.Add(new SupersededService { Service = owned.Name, Node = record.Node, Epoch = record.Epoch });
            else if (record is null || record.Epoch < owned.Epoch)
                Adopt(connection, node, owned, record, at);
        }
        return superseded;
    }

    private static void Adopt(SqliteConnection connection, string node, OwnedService owned, DataRecord? record, string at)
    {
        DataRecordStore.Put(connection, new DataRecord
        {
            Service = owned.Name,
            Node = node,
            VolumeId = owned.VolumeId,
            Epoch = owned.Epoch,
            State = "current",
            Spec = record?.Spec,
            Updated = at,
        });
        if (record is null)
            return;
        FindingStore.Open(connection, new Finding
        {
            Kind = "master behind",
            Severity = "warning",
            Node = node,
            Service = owned.Name,
            Message = $"{node} holds the data of {owned.Name} in epoch {owned.Epoch}, the master knew epoch {record.Epoch} on {record.Node}: the master's record was older and now follows",
            Command = $"mcp data list {owned.Name}",
            Since = at,
        });
    }
}
