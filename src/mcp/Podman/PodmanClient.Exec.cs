namespace Mcp.Podman;

internal sealed partial class PodmanClient
{
    /// <summary>
    /// Runs a command in a running container and waits for its end. Podman keeps a small process for every session for five minutes
    /// (<c>exit_command_delay</c> in containers.conf), so this is nothing for every second.
    /// </summary>
    /// <param name="id">The container.</param>
    /// <param name="command">Program and arguments; no shell.</param>
    /// <param name="timeout">After which it is killed where that is possible and the result says so.</param>
    /// <param name="ct">Ends the waiting.</param>
    /// <param name="outputLimit">Bytes of output kept; the rest is read and dropped.</param>
    public async Task<ExecResult> ExecAsync(string id, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken ct, int outputLimit = 64 * 1024) =>
        await new ExecRun(_transport, this, _clock, outputLimit).RunAsync($"containers/{Segment(id)}", command, timeout, ct);
}
