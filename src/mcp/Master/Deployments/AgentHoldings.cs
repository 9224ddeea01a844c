using Mcp.Errors;
using Mcp.Master.Registration;
using Mcp.Placement;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Master.Deployments;

/// <summary>Whether a node holds anything of a service. A pending placement is given up only when its agent has said that it holds nothing.</summary>
internal sealed class AgentHoldings(Database database, AgentLinks links, NodeHealthBoard board)
{
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Who holds current data of a service, by the agents' own words: for a service of which the master has no record, since it may have been
    /// deployed without the master. Nodes that cannot be asked are left out.
    /// </summary>
    public async Task<IReadOnlyList<DataRecord>> HoldersAsync(string service, CancellationToken cancellation)
    {
        var nodes = database.Read(NodeStore.All).Where(n => n.Address.Length > 0 && board.Of(n.Name).Health != NodeHealth.Unhealthy);
        var found = await Task.WhenAll(nodes.Select(n => HeldAsync(n.Name, service, cancellation)));
        return [.. found.OfType<DataRecord>()];
    }

    /// <summary>True only when the agent answered that it has neither the service in its registry nor data of it.</summary>
    public async Task<bool> HoldsNothingAsync(string node, string service, CancellationToken cancellation)
    {
        try
        {
            var agent = links.To(node);
            var data = await agent.ListDataAsync(new ListDataRequest(), links.Options(AskLimit, cancellation));
            if (data.Records.Any(r => r.Service == service))
                return false;
            var services = await agent.ListServicesAsync(new ListServicesRequest(), links.Options(AskLimit, cancellation));
            return services.Services.All(s => s.Spec?.Name != service);
        }
        catch (McpException)
        {
            // Silence is not an answer: the next deploy goes there again.
            return false;
        }
    }

    private async Task<DataRecord?> HeldAsync(string node, string service, CancellationToken cancellation)
    {
        try
        {
            var data = await links.To(node).ListDataAsync(new ListDataRequest(), links.Options(AskLimit, cancellation));
            if (data.Records.FirstOrDefault(r => r.Service == service && r.State == "current") is not { } held)
                return null;
            held.Node = node;
            return held;
        }
        catch (McpException)
        {
            return null;
        }
    }
}
