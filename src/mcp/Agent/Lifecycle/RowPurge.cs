using Mcp.Agent.Deploying;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Agent.Lifecycle;

/// <summary>
/// Removes registry rows of what neither runs nor is defined any more: a service that the fleet gave up while this node was away would be a
/// finding for ever. Rows only; containers that have ended, images and data stay (data by <c>mcp data purge</c>).
/// </summary>
internal sealed class RowPurge(AgentParts parts)
{
    /// <summary>Removes the rows of a service, or of a component that its spec no longer has; or with <c>dry_run</c> says which.</summary>
    /// <param name="request">What.</param>
    /// <param name="vouched">The master asks: it has looked that no placement defines it.</param>
    /// <param name="stop">The process ends.</param>
    /// <exception cref="McpException">Something of it runs, or it is defined here.</exception>
    public async Task<PurgeComponentResponse> RunAsync(PurgeComponentRequest request, bool vouched, CancellationToken stop)
    {
        var response = new PurgeComponentResponse();
        // Asked again after it was done: the end state is what was asked for.
        if (parts.Services.Find(request.Service) is not { } service)
            return response;
        if (service.HeldBy.Length > 0)
            throw new McpException(FaultCode.FailedPrecondition, $"{service.Name} is held by the migration {service.HeldBy}") { Hint = $"mcp watch {service.HeldBy}" };
        var rows = service.Components.Where(c => request.Component.Length == 0 || c.Name == request.Component).ToList();
        if (rows.Count == 0)
            throw new McpException(FaultCode.NotFound, $"{service.Name} has no component {Printable.Line(request.Component, 80)} on {parts.Node}") { Hint = $"mcp list --direct -n {parts.Node}" };
        foreach (var row in rows)
        {
            if (row.ContainerId.Length > 0 && await parts.Podman.InspectContainerAsync(row.ContainerId, stop) is { } container && OwnedContainers.IsActive(container.Status))
            {
                throw new McpException(FaultCode.FailedPrecondition, $"{row.ContainerName} runs on {parts.Node}; nothing was purged")
                {
                    Hint = $"end it: mcp undeploy {service.Name} --direct -n {parts.Node}; or take it over: mcp deploy {service.Name}",
                };
            }
        }
        if (request.Component.Length > 0 && service.Spec.Components.Any(c => c.Name == request.Component) && service.Components.Count > 1)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{request.Component} is part of the definition of {service.Name}")
            {
                Hint = $"take it out of the definition and deploy: mcp deploy {service.Name}",
            };
        }
        if (!vouched && service.DesiredRunning)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{service.Name} is defined on {parts.Node} and should run; nothing was purged")
            {
                Hint = $"start it: mcp start {service.Name} --direct -n {parts.Node}; or give it up: mcp undeploy {service.Name} --direct -n {parts.Node}",
            };
        }
        if (!request.DryRun)
        {
            parts.Database.Write(connection =>
            {
                if (rows.Count == service.Components.Count)
                    ServiceStore.Remove(connection, service.Name);
                else
                    ServiceStore.RemoveComponent(connection, service.Name, request.Component);
            });
        }
        response.Purged.AddRange(rows.Select(r => $"{r.Service}/{r.Name}"));
        return response;
    }
}
