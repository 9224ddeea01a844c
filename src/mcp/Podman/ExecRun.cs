using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Mcp.Processes;

namespace Mcp.Podman;

/// <summary>
/// One command in a container: 1 make a session, 2 start it and read its output until it ends, 3 ask for the exit code. Podman 4 has no call
/// that ends a session, so after a timeout its process is killed from here, where that is permitted.
/// </summary>
internal sealed class ExecRun(PodmanTransport transport, PodmanClient podman, TimeProvider clock, int outputLimit)
{
    private readonly ArrayBufferWriter<byte> _output = new();
    private bool _cut;

    /// <summary>Runs it.</summary>
    /// <exception cref="PodmanException">No such container, it does not run, or podman went away. A program that is not there is exit code 126 or 127.</exception>
    public async Task<ExecResult> RunAsync(string containerPath, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken ct)
    {
        // 1
        using var body = PodmanClient.Json(new ExecBody(command, Out: true, Error: true), PodmanJson.Default.ExecBody);
        string session;
        using (var made = await transport.CallAsync(HttpMethod.Post, $"{containerPath}/exec", body, transport.Limits.Change, ct))
            session = made?.RootElement.TextAt("Id") is { Length: > 0 } id ? id : throw new PodmanException(PodmanFailure.Malformed, "exec", "an empty answer");
        // 2
        using var limit = new CallLimit(timeout, clock, ct);
        try
        {
            await ReadOutputAsync(session, limit.Token);
            // 3
            return new ExecResult(await ExitCodeAsync(session, limit.Token), _output.WrittenMemory, _cut, TimedOut: false);
        }
        catch (Exception e) when (limit.Expired && e is OperationCanceledException or PodmanException { Kind: PodmanFailure.TimedOut })
        {
            await KillAsync(session, ct);
            return new ExecResult(null, _output.WrittenMemory, _cut, TimedOut: true);
        }
    }

    private async Task ReadOutputAsync(string session, CancellationToken ct)
    {
        using var body = PodmanClient.Json(new ExecStartBody(Detach: false, Tty: false), PodmanJson.Default.ExecStartBody);
        await using var stream = await transport.OpenAsync(HttpMethod.Post, $"exec/{session}/start", body, Timeout.InfiniteTimeSpan, ct);
        var frames = new FrameReader(stream, podman);
        while (await frames.NextAsync(ct) is { } frame)
        {
            var room = outputLimit - _output.WrittenCount;
            _output.Write(frame.Bytes.Span[..Math.Min(room, frame.Bytes.Length)]);
            _cut |= frame.Bytes.Length > room;
        }
    }

    /// <summary>The output can end before the process does (it closed its streams), so this waits for the end.</summary>
    private async Task<int> ExitCodeAsync(string session, CancellationToken ct)
    {
        for (var pause = TimeSpan.FromMilliseconds(5); ; pause = TimeSpan.FromMilliseconds(Math.Min(500, pause.TotalMilliseconds * 2)))
        {
            using (var state = await InspectAsync(session, ct))
            {
                if (!state.RootElement.TrueAt("Running"))
                    return state.RootElement.SmallNumberAt("ExitCode");
            }
            await Task.Delay(pause, clock, ct);
        }
    }

    private async Task<JsonDocument> InspectAsync(string session, CancellationToken ct) =>
        await transport.CallAsync(HttpMethod.Get, $"exec/{session}/json", null, transport.Limits.Read, ct)
        ?? throw new PodmanException(PodmanFailure.Malformed, "exec", "an empty answer");

    private async Task KillAsync(string session, CancellationToken ct)
    {
        try
        {
            using var state = await InspectAsync(session, ct);
            var pid = state.RootElement.SmallNumberAt("Pid");
            // The number is podman's word; the control group proves that it belongs to the container. Never 0, 1 or -1: those mean "everybody".
            if (state.RootElement.TrueAt("Running") && pid > 1 && IsOf(pid, state.RootElement.TextAt("ContainerID")))
                Signals.Kill(pid);
        }
        catch (PodmanException)
        {
            // The time is up all the same; the result says so, and that the process may run on.
        }
    }

    private static bool IsOf(int pid, string container)
    {
        try
        {
            return container.Length == 64 && File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/cgroup").Contains(container, StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
