using Mcp.Agent.Registry;
using Mcp.Alerts;
using Seen = Mcp.V1.ContainerStatus;

namespace Mcp.Agent.Monitoring;

/// <summary>What is not as it should be with the containers of a service; pure. The kinds are documented in docs/operations.md.</summary>
internal static class ContainerConditions
{
    /// <summary>Should run and does not.</summary>
    public const string Down = "container down";

    /// <summary>Podman does not know it any more.</summary>
    public const string Missing = "container missing";

    /// <summary>Frozen.</summary>
    public const string Paused = "container paused";

    /// <summary>Runs although nobody would see it end.</summary>
    public const string Unwatched = "container unwatched";

    /// <summary>Runs although it was stopped on purpose.</summary>
    public const string Unwanted = "container unwanted";

    /// <summary>Is not what was deployed.</summary>
    public const string Changed = "container changed";

    /// <summary>All that is judged here.</summary>
    public static IReadOnlyList<string> Kinds { get; } = [Down, Missing, Paused, Unwatched, Unwanted, Changed];

    /// <summary>What is the matter with each container; a node's name is added by whoever reports it.</summary>
    public static IEnumerable<AlertNotice> Of(RegisteredServiceRow service, IReadOnlyList<Seen> containers)
    {
        foreach (var container in containers)
        {
            var stopped = service.Components.FirstOrDefault(c => c.Name == container.Component)?.Stopped ?? false;
            var wished = service.DesiredRunning && !stopped;
            if ((wished ? OfWished(service.Name, container) : OfUnwished(service.Name, container)) is { } matter)
                yield return matter;
            if (container.Drift)
                yield return Notice(Changed, "warning", service.Name, container, $"{container.Name} was changed behind the agent's back", $"mcp deploy {service.Name}");
        }
    }

    private static AlertNotice? OfWished(string service, Seen container) => container.State switch
    {
        "running" when container.ConmonAlive => null,
        "running" => Notice(Unwatched, "error", service, container, $"{container.Name} runs unwatched (its conmon is gone; podman would not see it end)", $"mcp restart {service}"),
        "missing" => Notice(Missing, "error", service, container, $"{container.Name} is gone", $"mcp start {service}"),
        "paused" => Notice(Paused, "error", service, container, $"{container.Name} is paused", $"mcp restart {service}"),
        "exited" => Notice(Down, "error", service, container, $"{container.Name} has ended (exit code {container.ExitCode})", $"mcp logs {service}; mcp start {service}"),
        _ => Notice(Down, "error", service, container, $"{container.Name} should run and is {container.State}", $"mcp logs {service}; mcp start {service}"),
    };

    private static AlertNotice? OfUnwished(string service, Seen container) => container.State is "running" or "paused"
        ? Notice(Unwanted, "warning", service, container, $"{container.Name} should be stopped and is {container.State}", $"mcp stop {service}")
        : null;

    private static AlertNotice Notice(string kind, string severity, string service, Seen container, string message, string command) =>
        new(new AlertSubject(kind, "", service, container.Component), severity, message, command);
}
