using Mcp.Master.Deployments;
using Mcp.Master.Migrations;
using Mcp.Master.Reading;
using Mcp.Names;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Registration;

/// <summary>What came of comparing what one agent holds with the records.</summary>
/// <param name="Superseded">What the agent is told: these have a higher epoch elsewhere.</param>
/// <param name="Displaced">Nodes that held, by the records until now, what this agent holds in a higher epoch.</param>
internal sealed record OwnershipJudgement(List<SupersededService> Superseded, List<string> Displaced);

/// <summary>
/// Compares what an agent says it holds with the data records. The higher epoch owns, never an equal one:
/// record higher, on another node → the agent is told that its copy is superseded;
/// record higher, on this node → the agent's registry is older than the fleet's record; it keeps its only copy, and a finding says so;
/// record lower → the master was behind (an older copy of its database, or a deploy without it) and adopts what the agent has;
/// equal, on another node → nothing moves; the finding names both, and an operator chooses;
/// higher by a migration that is not committed → nothing moves: its commit moves the record, or its way back takes the data away again.
/// </summary>
internal static class Ownership
{
    /// <summary>Every move of data counts one up: nobody gets here by honest work, and a number near the end of its range would end the counting.</summary>
    public const ulong MostEpochs = 1_000_000_000;

    /// <summary>Judges the services of one Register and corrects the records that are behind.</summary>
    public static OwnershipJudgement Judge(SqliteConnection connection, string node, IEnumerable<OwnedService> services, string at)
    {
        var judged = new OwnershipJudgement([], []);
        foreach (var owned in services)
        {
            if (!ServiceName.TryParse(owned.Name, out _, out _) || owned.Epoch is 0 or > MostEpochs || owned.VolumeId.Length > 64)
                continue;
            var record = DataRecordStore.Current(connection, owned.Name);
            if (MigrationStore.IsUncommitted(connection, owned.Name, node, owned.Epoch) && record?.Epoch < owned.Epoch)
                continue;
            if (record is not null && record.Epoch > owned.Epoch && record.Node != node)
                judged.Superseded.Add(new SupersededService { Service = owned.Name, Node = record.Node, Epoch = record.Epoch });
            else if (owned.SupersededEpoch == 0 && (record is null || record.Epoch < owned.Epoch))
                Adopt(connection, node, owned, record, at, judged);
        }
        return judged;
    }

    private static void Adopt(SqliteConnection connection, string node, OwnedService owned, DataRecord? record, string at, OwnershipJudgement judged)
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
        // Where the service is placed on that node already, its next deploy must carry the epoch that the node has.
        PlacementStore.SetData(connection, owned.Name, node, owned.Epoch, owned.VolumeId);
        if (record is null)
            return;
        if (record.Node != node)
            judged.Displaced.Add(record.Node);
        var placement = PlacementStore.Find(connection, owned.Name);
        FindingStore.Open(connection, new Finding
        {
            Kind = "master behind",
            Severity = "warning",
            Node = node,
            Service = owned.Name,
            Message = $"{node} holds the data of {owned.Name} in epoch {owned.Epoch}, the master knew epoch {record.Epoch} on {record.Node}: the master's record was older and now follows",
            Command = placement is null || placement.Node == node ? $"mcp deploy {owned.Name}" : $"mcp undeploy {owned.Name}; mcp deploy {owned.Name}",
            Since = at,
        });
    }
}
