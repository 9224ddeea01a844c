using System.Threading.Channels;
using Mcp.Agent.Deploying;
using Mcp.Agent.Lifecycle;
using Mcp.Podman;

namespace Mcp.Agent.Monitoring;

/// <summary>
/// Watches and reports; it never repairs (podman's restart policy restarts while the machine is up). Three things make it look:
/// 1 podman's events: the service that an event names is looked at soon;
/// 2 the kernel: every second it is seen whether the processes of all containers live, since podman has no event for a killed conmon;
/// 3 the clock: every interval everything is looked at, and once more whenever podman's stream of events had to be begun anew.
/// One loop does the looking. What began or is over becomes one event and one alert (see <see cref="ConditionReport"/>); what stays wrong is not repeated.
/// Nothing here waits for an alert command, and no silence of podman makes it spin.
/// </summary>
internal sealed partial class MonitorLoop(AgentParts parts, ServiceWatch watch, HealthWatch health, PodmanWatch podman, OpenOperations open, ILogger logger)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    // Many events at once (a redeploy) are one look.
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(300);

    // Podman answers 500 about a container that is just being removed. That is an answer; only when it goes on, podman cannot be asked.
    private const int RefusalsInARow = 5;

    private static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan PruneEvery = TimeSpan.FromHours(1);

    private readonly Channel<bool> _lookAgain = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Lock _gate = new();
    private readonly HashSet<string> _marked = new(StringComparer.Ordinal);
    private bool _everything = true;
    private long _fullLook;
    private long? _pruned;

    /// <summary>Why podman cannot be asked at the moment; null while it answers.</summary>
    public string? PodmanProblem => podman.Problem;

    /// <summary>Called at every turn of the loop that looks, for the watchdog.</summary>
    public Action Turned { get; set; } = () => { };

    /// <summary>Runs until the agent ends.</summary>
    /// <exception cref="InvalidOperationException">One of its loops ended, which none should; the others were ended with it.</exception>
    public async Task RunAsync(CancellationToken ct)
    {
        using var together = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Task[] loops = [SubscribeAsync(together.Token), SweepAsync(together.Token), CheckAsync(together.Token), health.RunAsync(together.Token)];
        await Task.WhenAny(loops);
        await together.CancelAsync();
        await Task.WhenAll(loops);
        if (!ct.IsCancellationRequested)
            throw new InvalidOperationException("A loop of the monitor ended by itself.");
    }

    // Subscribed before the look, or something that happens in between is missed.
    private async Task SubscribeAsync(CancellationToken ct)
    {
        var pause = TimeSpan.FromSeconds(1);
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var events = parts.Podman.EventsAsync(new EventQuery { Type = "container", Labels = [$"{OwnLabels.Node}={parts.Node}"] }, ct);
                Mark(everything: true);
                await foreach (var happened in events)
                {
                    pause = TimeSpan.FromSeconds(1);
                    if (watch.Note(happened) is { } service)
                        Mark(service);
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
            catch (Errors.McpException e)
            {
                CheckFailed(e.Message);
            }
            if (await WaitAsync(pause, ct))
                return;
            pause = Longer(pause);
        }
    }

    private async Task SweepAsync(CancellationToken ct)
    {
        while (!await WaitAsync(SweepEvery, ct))
        {
            foreach (var service in watch.Sweep())
                Mark(service);
        }
    }

    private async Task CheckAsync(CancellationToken ct)
    {
        var trouble = TimeSpan.Zero;
        var refusals = 0;
        while (!ct.IsCancellationRequested)
        {
            Turned();
            try
            {
                await LookAsync(ct);
                (trouble, refusals) = (TimeSpan.Zero, 0);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (PodmanException e) when (e.Kind == PodmanFailure.Refused && ++refusals < RefusalsInARow)
            {
                trouble = Settle;
            }
            catch (PodmanException e)
            {
                trouble = Longer(trouble);
                Lost(e);
            }
            catch (Errors.McpException e)
            {
                trouble = Longer(trouble);
                CheckFailed(e.Message);
            }
            try
            {
                await NextAsync(trouble, ct);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task LookAsync(CancellationToken ct)
    {
        var (everything, services) = TakeMarked();
        try
        {
            // Also what is alerted and not deployed (any more): that is over.
            foreach (var service in everything ? parts.Services.All().Select(s => s.Name).Union(parts.Alerts.OpenNow().Select(o => o.Notice.Subject.Service).Where(s => s.Length > 0)).ToList() : services)
            {
                if (!await watch.LookAsync(service, ct))
                    Mark(service, soon: false);
            }
            if (everything)
            {
                await podman.AnswersAsync(ct);
                await open.ResolveOnceAsync(ct);
                Prune();
            }
        }
        catch (Exception e) when (e is PodmanException or Errors.McpException)
        {
            Mark(everything: true);
            throw;
        }
    }

    private (bool Everything, List<string> Services) TakeMarked()
    {
        lock (_gate)
        {
            var everything = _everything || parts.Clock.GetElapsedTime(_fullLook) >= parts.Configuration.Monitor.Interval;
            List<string> services = [.. _marked];
            _marked.Clear();
            if (everything)
                (_everything, _fullLook) = (false, parts.Clock.GetTimestamp());
            return (everything, services);
        }
    }

    private void Mark(string service, bool soon = true)
    {
        lock (_gate)
            _marked.Add(service);
        if (soon)
            _lookAgain.Writer.TryWrite(true);
    }

    private void Mark(bool everything)
    {
        lock (_gate)
            _everything |= everything;
        _lookAgain.Writer.TryWrite(true);
    }

    private void Lost(PodmanException e)
    {
        try
        {
            podman.Lost(e);
        }
        catch (Errors.McpException full)
        {
            CheckFailed(full.Message);
        }
    }

    private void Prune()
    {
        if (_pruned is { } last && parts.Clock.GetElapsedTime(last) < PruneEvery)
            return;
        _pruned = parts.Clock.GetTimestamp();
        parts.Events.Prune(parts.Configuration.Monitor.Retention, parts.State.ReportedEvents);
    }

    // After trouble its pause counts, whatever podman's events say; else the next event or the interval. A service that somebody works on is tried
    // again in a second.
    private async Task NextAsync(TimeSpan trouble, CancellationToken ct)
    {
        if (trouble > TimeSpan.Zero)
        {
            await Task.Delay(trouble, parts.Clock, ct);
            return;
        }
        bool waiting;
        lock (_gate)
            waiting = _marked.Count > 0;
        var left = parts.Configuration.Monitor.Interval - parts.Clock.GetElapsedTime(_fullLook);
        var pause = waiting && left > SweepEvery ? SweepEvery : left;
        using var limit = new CancellationTokenSource(pause > TimeSpan.Zero ? pause : TimeSpan.FromMilliseconds(1), parts.Clock);
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

    /// <returns>True: the agent ends.</returns>
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

    private static TimeSpan Longer(TimeSpan pause) => pause == TimeSpan.Zero ? TimeSpan.FromSeconds(1) : pause * 2 < LongestPause ? pause * 2 : LongestPause;
}
