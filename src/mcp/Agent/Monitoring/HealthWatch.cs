using Mcp.Agent.Deploying;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Registry;
using Mcp.Alerts;
using Mcp.Names;
using Mcp.Podman;
using Mcp.V1;

namespace Mcp.Agent.Monitoring;

/// <summary>
/// Asks every running container that has a <c>[health]</c> how it is, once an interval. One that has failed for as long as its definition allows at
/// deploy (<c>timeout</c>, else 30 s) is unhealthy; one answer ends it. Apart from the other looks, because a container that hangs must not delay them.
/// </summary>
internal sealed class HealthWatch(AgentParts parts, HealthProbe probe, ConditionReport report)
{
    /// <summary>The kind of its alert.</summary>
    public const string Unhealthy = "container unhealthy";

    private const int AtOnce = 8;

    // A command in a container costs podman some processes each time.
    private const int RoundsOfExec = 3;

    private static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(30);

    // Since when each fails; in memory, so a restarted agent gives it its time again.
    private readonly Dictionary<(string Service, string Component), long> _failing = [];
    private int _round;

    /// <summary>Runs until the agent ends.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        try
        {
            while (true)
            {
                await Task.Delay(parts.Configuration.Monitor.Interval, parts.Clock, ct);
                await RoundAsync(ct);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The agent ends.
        }
    }

    private async Task RoundAsync(CancellationToken ct)
    {
        _round++;
        if (!parts.Start.Done)
            return;
        var asked = parts.Services.All()
            .SelectMany(s => s.Components.Select(c => (Service: s, Row: c, Component: s.Spec.Components.First(x => x.Name == c.Name))))
            .Where(a => a.Component.Health is { } health && (health.Type != "exec" || _round % RoundsOfExec == 0))
            .ToList();
        foreach (var some in asked.Chunk(AtOnce))
        {
            var answers = await Task.WhenAll(some.Select(a => AskAsync(a.Service, a.Row, a.Component, ct)));
            foreach (var ((service, row, component), answer) in some.Zip(answers))
                Judge(service, row, component, answer);
        }
    }

    /// <returns>Not known: podman is away, or somebody works on it. Else whether it runs, and what is wrong with its health.</returns>
    private async Task<(bool Known, bool Runs, string? Problem)> AskAsync(RegisteredServiceRow service, RegisteredComponentRow row, ComponentSpec component, CancellationToken ct)
    {
        if (!ServiceName.TryParse(service.Name, out var name, out _) || parts.Locks.TurnOf(name) is not { } turn)
            return default;
        try
        {
            var container = row.ContainerId.Length > 0 ? await parts.Podman.InspectContainerAsync(row.ContainerId, ct) : null;
            var runs = container is { Status: Podman.ContainerStatus.Running };
            var problem = runs ? await probe.TryAsync(service.Spec, component, component.Health, container!, ContainerRevival.PortsOf(parts, service), ct) : null;
            return (parts.Locks.TurnOf(name) == turn, runs, problem);
        }
        catch (PodmanException)
        {
            // The other loop says so.
            return default;
        }
    }

    private void Judge(RegisteredServiceRow service, RegisteredComponentRow row, ComponentSpec component, (bool Known, bool Runs, string? Problem) answer)
    {
        var (known, runs, problem) = answer;
        var key = (service.Name, row.Name);
        var subject = new AlertSubject(Unhealthy, "", service.Name, row.Name);
        if (!known)
            return;
        try
        {
            if (problem is null)
            {
                _failing.Remove(key);
                report.Ends(subject, runs ? $"{row.ContainerName} is healthy" : $"{row.ContainerName} does not run");
                return;
            }
            var since = _failing.TryGetValue(key, out var began) ? began : _failing[key] = parts.Clock.GetTimestamp();
            var lasted = parts.Clock.GetElapsedTime(since);
            if (lasted >= (component.Health.Timeout?.ToTimeSpan() ?? DefaultPatience))
                report.Begins(new AlertNotice(subject, "error", $"{row.ContainerName} runs and is not healthy for {lasted.TotalSeconds:0} s: {problem}", $"mcp logs {service.Name}; mcp restart {service.Name}"));
        }
        catch (Errors.McpException)
        {
            // The registry cannot be written (the other loop says so); the next round says it again.
        }
    }
}
