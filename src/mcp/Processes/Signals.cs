using System.Runtime.InteropServices;

namespace Mcp.Processes;

/// <summary>kill(2).</summary>
internal static partial class Signals
{
    private const int Terminated = 15;
    private const int Killed = 9;

    /// <summary>SIGKILL; false when there is no such process or it is not ours to kill.</summary>
    public static bool Kill(int pid) => SendSignal(pid, Killed) == 0;

    /// <summary>SIGKILL to every process of the group that <paramref name="leader"/> began; false when nobody is left in it.</summary>
    public static bool KillGroup(int leader) => SendSignal(-leader, Killed) == 0;

    /// <summary>SIGTERM; false when there is no such process or it is not ours to end.</summary>
    public static bool Terminate(int pid) => SendSignal(pid, Terminated) == 0;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
