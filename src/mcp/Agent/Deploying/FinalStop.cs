using Mcp.Errors;
using Mcp.Podman;
using Mcp.Text;

namespace Mcp.Agent.Deploying;

/// <summary>
/// Stops a container so that it stays stopped. Podman remembers that somebody wished it to end only when its stop meets a container that runs; one that crashes
/// as soon as it runs is "exited" most of the time, the stop does nothing (304), and the restart policy starts the container again: beside its successor, or
/// under a copy of its data. So a container that has just ended or was just restarted is told to stop again and again, until no life has followed for
/// <see cref="Quiet"/>. Podman holds the container's lock while it restarts it: a stop that waits for the lock meets it running (measured with podman 4.3 on a
/// container that lives for milliseconds, some seven times a second: it is met within two lives).
/// </summary>
/// <param name="podman">Podman.</param>
/// <param name="clock">The clock.</param>
/// <param name="mayKill">Whether a container whose stop was lost on the way is killed; a migration's is not, since its copy must be complete.</param>
internal sealed class FinalStop(PodmanClient podman, TimeProvider clock, bool mayKill)
{
    /// <summary>A restart follows an end within tenths of a second, or never.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(3);

    /// <summary>What ended or was started longer ago than this is not between two lives.</summary>
    private static readonly TimeSpan Lately = TimeSpan.FromSeconds(10);

    /// <summary>Shorter than podman holds its lock for a restart.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>SIGTERM, then SIGKILL after <paramref name="grace"/>, until it stays stopped.</summary>
    /// <exception cref="McpException">It is started again as fast as it is stopped.</exception>
    /// <exception cref="PodmanException">Podman refuses, or does not answer.</exception>
    public async Task StopAsync(ContainerDetail container, TimeSpan grace, CancellationToken ct)
    {
        var ran = OwnedContainers.IsActive(container.Status) && await StopOnceAsync(container.Id, grace, ct);
        if (ran ? !WasRestarted(container) : !MayBeRestarted(container))
            return;
        var (began, since, restarts) = (clock.GetTimestamp(), clock.GetTimestamp(), container.RestartCount);
        while (true)
        {
            await Task.Delay(Pause, clock, ct);
            await StopOnceAsync(container.Id, grace, ct);
            if (await podman.InspectContainerAsync(container.Id, ct) is not { } left)
                return;
            var lives = OwnedContainers.IsActive(left.Status);
            if (lives || left.RestartCount != restarts)
                (since, restarts) = (clock.GetTimestamp(), left.RestartCount);
            else if (clock.GetElapsedTime(since) >= Quiet)
                return;
            if (clock.GetElapsedTime(began) > Limit)
            {
                throw new McpException(FaultCode.DeadlineExceeded, $"{Printable.Line(left.Name, 100)} is started again by podman's restart policy as fast as it is stopped")
                {
                    Cause = $"it was restarted {left.RestartCount} times, and its last exit code is {left.ExitCode}",
                    Hint = $"podman rm -f {left.Id[..12]} on the node; the next start makes it anew",
                };
            }
        }
    }

    // A stop that met one of its lives is final, or it was not: this life may have ended by itself just before.
    private bool WasRestarted(ContainerDetail container) => container.RestartCount > 0 && IsLately(container.StartedAt);

    private bool MayBeRestarted(ContainerDetail container) =>
        container.Restart is not ("" or "no") && (OwnedContainers.IsActive(container.Status) || IsLately(container.FinishedAt));

    private bool IsLately(DateTimeOffset? at) => at is { } moment && clock.GetUtcNow() - moment < Lately;

    /// <summary>One SIGTERM, then SIGKILL after <paramref name="grace"/>; asks again what became of it when podman's answer was lost.</summary>
    /// <returns>Whether it ran.</returns>
    public async Task<bool> StopOnceAsync(string id, TimeSpan grace, CancellationToken ct)
    {
        try
        {
            return await podman.StopContainerAsync(id, grace, ct);
        }
        catch (PodmanException e) when (e.EffectUnknown)
        {
            if (await podman.InspectContainerAsync(id, ct) is not { } now || !OwnedContainers.IsActive(now.Status))
                return true;
            if (!mayKill)
                throw;
            // The runtime may have lost the race with the container's own end; one more signal settles it.
            await podman.KillContainerAsync(id, ct);
            return true;
        }
    }
}
