using Mcp.Master.Deployments;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>Whether a service is as it should be, from its placement and what its node said; pure.</summary>
internal static class ServiceJudgement
{
    /// <summary>The status of a service, with the reason where it is not simply running or stopped.</summary>
    public static (string Status, string Detail) Of(PlacementRow placement, NodeAnswer? answer)
    {
        if (answer?.Live is null)
            return ("unknown", $"{placement.Node} cannot be asked: {answer?.Silence ?? "it is not a node any more"}");
        if (placement.Pending)
            return ("unknown", $"its first deploy on {placement.Node} was not confirmed");
        var containers = ContainersOf(placement, answer);
        var running = containers.Count(c => c.State == "running");
        if (!placement.Spec.Active)
            return running == 0 ? ("stopped", "") : ("unhealthy", $"it should be stopped, but {running} of its containers run");
        var faults = placement.Spec.Components.Select(c => Fault(c.Name, containers)).OfType<string>().ToList();
        return faults.Count == 0 ? ("running", "") : (running == 0 ? "stopped" : "unhealthy", string.Join("; ", faults));
    }

    /// <summary>The service's containers on its node.</summary>
    public static List<ContainerStatus> ContainersOf(PlacementRow placement, NodeAnswer answer) =>
        answer.Live is null ? [] : [.. answer.Live.Containers.Where(c => c.Service == placement.Service)];

    private static string? Fault(string component, List<ContainerStatus> containers)
    {
        var container = containers.Find(c => c.Component == component);
        return container switch
        {
            null => $"{component} has no container",
            { State: not "running" } => $"{component} is {container.State}" + (container.ExitCode != 0 ? $" (exit code {container.ExitCode})" : ""),
            { Health: "unhealthy" } => $"{component} is unhealthy",
            _ => null,
        };
    }
}
