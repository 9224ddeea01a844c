using Mcp.Agent.Deploying;
using Mcp.Errors;
using Mcp.Podman;
using Mcp.Text;

namespace Mcp.Agent.Importing;

/// <summary>Whether anything runs on the data of a service: whoever replaces it must not do so under a container's feet.</summary>
internal sealed class QuietService(AgentParts parts)
{
    /// <summary>Refuses while a container of the service runs, by its registry row, its labels or its adoption.</summary>
    /// <exception cref="McpException">FailedPrecondition: one runs; or podman does not answer, and nobody knows.</exception>
    public async Task RequireAsync(string service, string what, CancellationToken ct)
    {
        try
        {
            var registered = (parts.Services.Find(service)?.Components ?? []).Select(c => c.ContainerId).ToHashSet(StringComparer.Ordinal);
            foreach (var container in await parts.Podman.ListContainersAsync(null, ct))
            {
                var its = registered.Contains(container.Id) || container.Labels.GetValueOrDefault(OwnLabels.Service) == service || parts.Adopted.Find(container.Id)?.Service == service;
                if (its && OwnedContainers.IsActive(container.Status))
                {
                    throw new McpException(FaultCode.FailedPrecondition, $"{Printable.Line(container.Name, 100)} runs on {parts.Node}, and its data is not {what} under it")
                    {
                        State = "nothing was changed",
                        Hint = $"mcp stop {service}",
                    };
                }
            }
        }
        catch (PodmanException e)
        {
            throw e.ToFault($"whether a container of {service} runs could not be seen, so its data was not {what}");
        }
    }
}
