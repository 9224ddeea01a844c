namespace Mcp.Podman;

/// <summary>One command in a container.</summary>
internal static class ExecRun
{
    public static Task<ExecResult> RunAsync(
        PodmanTransport transport, PodmanClient podman, TimeProvider clock, string id, IReadOnlyList<string> command, TimeSpan timeout, int outputLimit, CancellationToken ct) =>
        throw new NotImplementedException();
}
