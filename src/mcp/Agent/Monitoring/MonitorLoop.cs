using System.Threading.Channels;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Registry;
using Mcp.Podman;
using Mcp.Text;

namespace Mcp.Agent.Monitoring;

/// <summary>
/// Watches and reports; it never repairs (podman's restart policy restarts while the machine is up). Podman's events only say "look again"; a full
/// check every interval is the net. What changed since the last look becomes one event row; what stays wrong is not repeated.
/// </summary>
internal sealed partial class MonitorLoop(AgentParts parts, Observer observer, OpenOperations open, ILogger logger)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(60);

    // Many events at once (a redeploy) are one look.
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(500);

    private readonly Channel<bool> _lookAgain = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Dictionary<string, HashSet<string>> _known = new(StringComparer.Ordinal);
    private DateTimeOffset _pruned;

    /// <summary>Why podman cannot be asked at the moment; null while it answers.</summary>
    public string? PodmanProblem { get; private set; }

    /// <summary>Runs until the agent ends.</summary>
    public Task RunAsync(CancellationToken ct) => Task.WhenAll(SubscribeAsync(ct), CheckAsync(ct));

    // Subscribed before the first list, or something that happens in between is missed.
    private async Task SubscribeAsync(CancellationToken ct)
    {
        var pause = TimeSpan.FromSeconds(1);
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await foreach (var happened in parts.Podman.EventsAsync(new EventQuery { Type = "container", Labels = [$"{Deploying.OwnLabels.Node}={parts.Node}"] }, ct))
                {
                    pause = TimeSpan.FromSeconds(1);
                    Note(happened);
                    _lookAgain.Writer.TryWrite(true);
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (PodmanException e)
            {
                EventsBroke(e.Message);
            }
            if (await WaitAsync(pause, ct))
                return;
            pause = Longer(pause);
        }
    }

    private async Task CheckAsync(CancellationToken ct)
    {
        var pause = parts.Configuration.Monitor.Interval;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await LookAsync(ct);
                pause = parts.Configuration.Monitor.Interval;
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (PodmanException e)
            {
                Lost(e);
                pause = Longer(pause);
            }
            catch (Errors.McpException e)
            {
                CheckFailed(e.Message);
                pause = Longer(pause);
            }
            try
            {
                await NextLookAsync(pause, ct);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task LookAsync(CancellationToken ct)
    {
        foreach (var service in parts.Services.All())
        {
            // A running operation knows what it is doing.
            if (Names.ServiceName.TryParse(service.Name, out var name, out _) && parts.Locks.HolderOf(name) is not null)
                continue;
            Report(service.Name, [.. Observer.ProblemsOf(service, await observer.ObserveAsync(service, ct))]);
        }
        if (PodmanProblem is not null)
        {
            PodmanProblem = null;
            parts.Events.Add(new NodeEvent("podman-back", "info", "podman answers again"));
            Back();
        }
        await open.ResolveOnceAsync(ct);
        Prune();
    }

    private void Report(string service, HashSet<string> problems)
    {
        var before = _known.GetValueOrDefault(service) ?? [];
        foreach (var problem in problems.Where(p => !before.Contains(p)))
        {
            parts.Events.Add(new NodeEvent("drift", "warning", problem) { Service = service });
            Drift(service, problem);
        }
        if (before.Count > 0 && problems.Count == 0)
            parts.Events.Add(new NodeEvent("drift-over", "info", $"{service} is as it should be again") { Service = service });
        _known[service] = problems;
    }

    private void Note(PodmanEvent happened)
    {
        if (happened.Action is not ("died" or "oom"))
            return;
        // Labels can be anybody's (a second fleet on this podman, an image's own): only what the registry names is this agent's to report.
        var service = happened.Attributes.GetValueOrDefault(Deploying.OwnLabels.Service) ?? "";
        if (parts.Services.Find(service)?.Components.All(c => c.ContainerId != happened.Id) ?? true)
            return;
        var code = Printable.Line(happened.Attributes.GetValueOrDefault("containerExitCode"), 10);
        parts.Events.Add(new NodeEvent("exited", code is "0" or "" ? "info" : "warning", $"{Printable.Line(happened.Name, 200)} ended{(code.Length > 0 ? $" with exit code {code}" : "")}{(happened.Action == "oom" ? " (out of memory)" : "")}")
        {
            Service = service,
            Component = Printable.Line(happened.Attributes.GetValueOrDefault(Deploying.OwnLabels.Component), 80),
        });
    }

    private void Lost(PodmanException e)
    {
        if (PodmanProblem is null)
        {
            parts.Events.Add(new NodeEvent("podman-lost", "error", $"podman does not answer: {e.Message}"));
            PodmanLost(e.Message);
        }
        PodmanProblem = e.Message;
    }

    private void Prune()
    {
        var now = parts.Clock.GetUtcNow();
        if (now - _pruned < TimeSpan.FromHours(6))
            return;
        _pruned = now;
        parts.Events.Prune(parts.Configuration.Monitor.Retention, parts.State.ReportedEvents);
    }

    private async Task NextLookAsync(TimeSpan pause, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(pause, parts.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            await _lookAgain.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return;
        }
        await Task.Delay(Settle, parts.Clock, ct);
    }

    private async Task<bool> WaitAsync(TimeSpan pause, CancellationToken ct)
    {
        try
        {
            await Task.Delay(pause, parts.Clock, ct);
            return false;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    private static TimeSpan Longer(TimeSpan pause) => pause * 2 < LongestPause ? pause * 2 : LongestPause;
}
