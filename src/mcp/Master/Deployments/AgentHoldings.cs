using Mcp.Errors;
using Mcp.Master.Registration;
using Mcp.V1;

namespace Mcp.Master.Deployments;

/// <summary>Whether a node holds anything of a service. A pending placement is given up only when its agent has said that it holds nothing.</summary>
internal sealed class AgentHoldings(AgentLinks links)
{
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(5);

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
}
