using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.Placement;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>
/// Where the data of services is: the fleet's own records, which say who owns, and beside them what each node says that it holds: where it lies, and
/// the copies that a restore or a forced import has set aside there, of which the master keeps no record. What a silent node holds besides its
/// records is unknown, never absent.
/// </summary>
internal sealed class DataListing(Database database, AgentLinks links, NodeHealthBoard board)
{
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(5);

    /// <summary>All of it, or that of one service.</summary>
    public async Task<DataListResponse> ListAsync(string service, CancellationToken cancellation)
    {
        var (records, nodes) = database.Read(c => (DataRecordStore.All(c, service), NodeStore.All(c)));
        var response = new DataListResponse { Records = { records } };
        var answers = await Task.WhenAll(nodes.Where(n => n.JoinedAt is not null && n.Role != "edge").Select(n => AskAsync(n.Name, cancellation)));
        foreach (var (node, held, problem) in answers)
        {
            if (problem.Length > 0)
                response.Silent.Add(new SilentNode { Node = node, Error = problem });
            foreach (var copy in held.Where(h => service.Length == 0 || h.Service == service))
            {
                copy.Node = node;
                // It does not know yet that a higher epoch lives elsewhere; of an equal one neither yields, and both are shown.
                if (copy.State == "current" && records.Any(r => r.State == "current" && r.Service == copy.Service && r.Epoch > copy.Epoch))
                    copy.State = "aside";
                if (response.Records.FirstOrDefault(r => r.Path.Length == 0 && IsSame(r, copy)) is { } known)
                    known.Path = copy.Path;
                else
                    response.Records.Add(copy);
            }
        }
        var sorted = response.Records.OrderBy(r => r.Service, StringComparer.Ordinal).ThenByDescending(r => r.State == "current").ThenBy(r => r.Node, StringComparer.Ordinal).ThenBy(r => r.Updated, StringComparer.Ordinal).ToList();
        response.Records.Clear();
        response.Records.AddRange(sorted);
        return response;
    }

    private async Task<(string Node, IReadOnlyList<DataRecord> Held, string Problem)> AskAsync(string node, CancellationToken cancellation)
    {
        if (board.Of(node) is { Health: NodeHealth.Unhealthy } condition)
            return (node, [], condition.Detail);
        try
        {
            return (node, (await links.To(node).ListDataAsync(new ListDataRequest(), links.Options(AskLimit, cancellation))).Records, "");
        }
        catch (McpException e)
        {
            return (node, [], e.Message);
        }
    }

    private static bool IsSame(DataRecord record, DataRecord copy) =>
        record.Node == copy.Node && record.Service == copy.Service && record.State == copy.State && record.VolumeId == copy.VolumeId && record.Epoch == copy.Epoch;
}
