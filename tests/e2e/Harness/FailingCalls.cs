using System.Diagnostics;

namespace Mcp.EndToEnd.Harness;

/// <summary>As long as it lives, every one of some system calls of a running role fails with one error: a disk that breaks, memory that is out.</summary>
internal sealed class FailingCalls : IAsyncDisposable
{
    private readonly Process _strace;

    private FailingCalls(Process strace) => _strace = strace;

    /// <summary>From here on the calls fail, in every thread.</summary>
    /// <param name="role">Whose.</param>
    /// <param name="calls">As "fsync,fdatasync".</param>
    /// <param name="error">As "EIO".</param>
    /// <param name="file">Only calls on this file; null: on any.</param>
    public static async Task<FailingCalls> AttachAsync(RoleProcess role, string calls, string error, string? file = null)
    {
        var process = role.ProcessId;
        string[] only = file is null ? [] : ["-P", file];
        var strace = Shell.Start("strace", ["-f", "-qq", "-o", "/dev/null", "-e", "signal=none", "-e", $"trace={calls}", "-e", $"inject={calls}:error={error}", .. only, "-p", $"{process}"]);
        strace.StandardInput.Close();
        strace.BeginErrorReadLine();
        await Wait.UntilAsync("strace is attached to every thread", () => Task.FromResult(CrashPoint.IsTraced(process)), TimeSpan.FromSeconds(20));
        return new FailingCalls(strace);
    }

    public async ValueTask DisposeAsync()
    {
        await CrashPoint.LetGoAsync(_strace);
        _strace.Dispose();
    }
}
