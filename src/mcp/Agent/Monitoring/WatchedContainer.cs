using Mcp.Podman;

namespace Mcp.Agent.Monitoring;

/// <summary>An end of a container that nobody asked for.</summary>
/// <param name="At">When.</param>
/// <param name="ExitCode">Its exit code; null: not known, podman's event was missed.</param>
/// <param name="OutOfMemory">The kernel ended it.</param>
internal sealed record ContainerEnd(DateTimeOffset At, int? ExitCode, bool OutOfMemory);

/// <summary>What the monitor remembers of a container between two looks, in memory only: how often it ended, and whose lives are to be watched.</summary>
internal sealed class WatchedContainer(FlapWindow flaps)
{
    private string _id = "";
    private DateTimeOffset? _startedAt;
    private int _restarts;
    private long _turn;
    private int _ends;
    private DateTimeOffset _lastEnd;

    /// <summary>How often it ended lately.</summary>
    public FlapWindow Flaps => flaps;

    /// <summary>Ends that were noted since the last look.</summary>
    public List<ContainerEnd> Ends { get; } = [];

    /// <summary>The container's first process and its conmon, as they lived at the last look; 0: not watched.</summary>
    public (int Pid, int Conmon) Processes { get; set; }

    /// <summary>Podman says that it ended.</summary>
    public void Ended(ContainerEnd end)
    {
        // A new subscription tells the last second once more.
        if (end.At <= _lastEnd)
            return;
        _lastEnd = end.At;
        Ends.Add(end);
        _ends++;
    }

    /// <summary>
    /// A look: what podman's events did not tell is seen from its counters. A container that was started anew since the last look, and on which nobody
    /// worked (its service was held as often as before), ended at least once.
    /// </summary>
    public void Looked(ContainerDetail? container, long turn, DateTimeOffset now)
    {
        if (container is not null && container.Id == _id && turn == _turn && container.StartedAt is { } started && _startedAt is { } before && started > before)
        {
            for (var missed = Math.Max(1, container.RestartCount - _restarts) - _ends; missed > 0; missed--)
                Ends.Add(new ContainerEnd(now, null, false));
        }
        (_id, _startedAt, _restarts, _turn, _ends) = (container?.Id ?? "", container?.StartedAt, container?.RestartCount ?? 0, turn, 0);
        Processes = container is { Status: ContainerStatus.Running } && ProcessLife.IsAlive(container.Pid) && ProcessLife.IsAlive(container.ConmonPid)
            ? (container.Pid, container.ConmonPid)
            : default;
    }
}
