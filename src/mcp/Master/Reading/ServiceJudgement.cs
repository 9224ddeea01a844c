using Mcp.Master.Deployments;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>What a service comes to.</summary>
/// <param name="Status">"running", "stopped", "unhealthy" or "unknown".</param>
/// <param name="Detail">The reason where it is not simply running or stopped.</param>
/// <param name="IsWrong">It is not what is wished.</param>
internal readonly record struct ServiceVerdict(string Status, string Detail, bool IsWrong = false)
{
    /// <summary>What is shown of it.</summary>
    public void Deconstruct(out string status, out string detail) => (status, detail) = (Status, Detail);
}

/// <summary>Whether a service is as it should be, from its placement and what its node said; pure.</summary>
internal static class ServiceJudgement
{
    /// <summary>The status of a service, with the reason where it is not simply running or stopped.</summary>
    public static ServiceVerdict Of(PlacementRow placement, NodeAnswer? answer)
    {
        if (answer?.Live is null)
            return new("unknown", $"{placement.Node} cannot be asked: {answer?.Silence ?? "it is not a node any more"}");
        if (placement.Pending)
            return new("unknown", $"its first deploy on {placement.Node} was not confirmed");
        var containers = ContainersOf(placement, answer);
        if (IsAsWished(placement, containers))
            return new("running", "");
        var running = containers.Count(c => c.State == "running");
        if (!placement.Spec.Active)
            return running == 0 ? new("stopped", "") : new("unhealthy", $"it should be stopped, but {running} of its containers run", IsWrong: true);
        var faults = placement.Spec.Components.Select(c => Fault(c.Name, containers)).OfType<string>().ToList();
        if (faults.Count > 0)
            return new(running == 0 ? "stopped" : "unhealthy", string.Join("; ", faults), IsWrong: true);
        var stopped = containers.Where(c => c.Stopped && c.State != "running").Select(c => c.Component).ToList();
        return new(running == 0 ? "stopped" : "running", stopped.Count == 0 ? "" : $"stopped on purpose: {string.Join(", ", stopped)}");
    }

    // Nearly always, of ten thousand services: said without a list.
    private static bool IsAsWished(PlacementRow placement, IReadOnlyList<ContainerStatus> containers)
    {
        var components = placement.Spec.Components;
        if (!placement.Spec.Active || components.Count == 0 || containers.Count != components.Count)
            return false;
        foreach (var component in components)
        {
            var runs = false;
            for (var i = 0; i < containers.Count && !runs; i++)
                runs = containers[i] is { State: "running", Stopped: false, Health: not "unhealthy" } there && there.Component == component.Name;
            if (!runs)
                return false;
        }
        return true;
    }

    /// <summary>The service's containers on its node.</summary>
    public static IReadOnlyList<ContainerStatus> ContainersOf(PlacementRow placement, NodeAnswer answer) => answer.Of(placement.Service);

    /// <summary>What is wrong with one component among the containers of its service, in words; null: it runs and is not unhealthy.</summary>
    public static string? Fault(string component, IEnumerable<ContainerStatus> containers)
    {
        var container = containers.FirstOrDefault(c => c.Component == component);
        return container switch
        {
            null => $"{component} has no container",
            { Stopped: true } => null,
            { State: not "running" } => $"{component} is {container.State}" + (container.ExitCode != 0 ? $" (exit code {container.ExitCode})" : ""),
            { Health: "unhealthy" } => $"{component} is unhealthy",
            _ => null,
        };
    }
}
