using System.Runtime.InteropServices;

namespace Mcp.Podman;

/// <summary>kill(2).</summary>
internal static partial class Signals
{
    private const int Terminated = 15;
    private const int Killed = 9;

    /// <summary>SIGKILL; false when there is no such process or it is not ours to kill.</summary>
    public static bool Kill(int pid) => SendSignal(pid, Killed) == 0;

    /// <summary>SIGTERM; false when there is no such process or it is not ours to end.</summary>
    public static bool Terminate(int pid) => SendSignal(pid, Terminated) == 0;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
