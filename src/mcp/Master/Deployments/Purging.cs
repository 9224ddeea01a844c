using System.Security.Cryptography;
using System.Text;
using Mcp.Errors;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Deployments;

/// <summary>
/// Lets agents forget services that no placement defines and of which nothing runs. The fleet's side of the question "is it defined?"; the node's
/// side, "does it run?", is asked by the agent at the moment when it removes the rows.
/// </summary>
internal sealed class Purging(Database database, AgentLinks links, ServiceLocks locks, NodeHealthBoard board)
{
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(15);

    /// <summary>Purges one service or component, or everything that can be, on one node or on all that answer.</summary>
    /// <exception cref="McpException">The named service is defined, or something of it runs.</exception>
    public async Task<PurgeResponse> PurgeAsync(OperationId id, PurgeRequest request, string by, CancellationToken cancellation)
    {
        var named = request.ServiceName.Length > 0;
        if (named && database.Read(c => PlacementStore.Find(c, request.ServiceName)) is { } placement && (request.Node.Length == 0 || request.Node == placement.Node))
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{request.ServiceName} is defined: its place is {placement.Node}; nothing was purged")
            {
                Hint = $"mcp undeploy {request.ServiceName}",
            };
        }
        var nodes = database.Read(NodeStore.All).Where(n => n.Address.Length > 0 && (request.Node.Length == 0 || n.Name == request.Node)).ToList();
        if (nodes.Count == 0)
            throw new McpException(FaultCode.NotFound, request.Node.Length > 0 ? $"there is no joined node {Printable.Line(request.Node, 80)}" : "no node has joined") { Hint = "mcp node list" };
        var response = new PurgeResponse();
        foreach (var node in nodes)
        {
            if (board.Of(node.Name) is { Health: Placement.NodeHealth.Unhealthy, Answers: false })
            {
                response.Silent.Add(node.Name);
                continue;
            }
            await OfNodeAsync(node.Name, id, request, by, response, cancellation);
        }
        return response;
    }

    private static string IdOf(OperationId id, string service) =>
        OperationId.Parse($"purge-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{id} {service}")))[..32]}").Value;

    private async Task OfNodeAsync(string node, OperationId id, PurgeRequest request, string by, PurgeResponse response, CancellationToken cancellation)
    {
        var agent = links.To(node);
        var services = (await agent.ListServicesAsync(new ListServicesRequest(), links.Options(AskLimit, cancellation))).Services;
        foreach (var service in services.Select(s => s.Spec.Name).Where(s => request.ServiceName.Length == 0 || s == request.ServiceName))
        {
            if (!ServiceName.TryParse(service, out var name, out _))
                continue;
            // A deploy of it may be under way; when it is over, there is a placement.
            using var held = await locks.AcquireAsync(name, $"purge {id} of {by}", AskLimit, null, cancellation);
            if (database.Read(c => PlacementStore.Find(c, service)) is { } placement && placement.Node == node)
                continue;
            try
            {
                // One id for each service on each node: the caller's own is for the whole.
                var purged = await agent.PurgeComponentAsync(
                    new PurgeComponentRequest { Service = service, Component = request.Component, DryRun = request.DryRun },
                    links.Options(AskLimit, cancellation, IdOf(id, service), by));
                response.Purged.AddRange(purged.Purged.Select(p => $"{node}: {p}"));
                if (!request.DryRun && purged.Purged.Count > 0)
                    database.Write(c => ReportedServiceStore.Remove(c, node, service));
            }
            catch (McpException e) when (request.ServiceName.Length == 0 && e.Code == FaultCode.FailedPrecondition)
            {
                // It runs: an orphan, which status shows. Only asked for by its name is that an error.
            }
        }
    }
}
