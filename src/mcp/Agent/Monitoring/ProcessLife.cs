using System.Globalization;

namespace Mcp.Agent.Monitoring;

/// <summary>Whether a process of this host lives, as the kernel says.</summary>
internal static class ProcessLife
{
    /// <summary>False for one that is gone, and for one that is dead and only waits to be reaped.</summary>
    public static bool IsAlive(int pid)
    {
        if (pid <= 0)
            return false;
        try
        {
            // "pid (name) state …"; the name may hold anything, a parenthesis too, so the last one counts.
            var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
            var state = stat.LastIndexOf(") ", StringComparison.Ordinal) is var end and >= 0 && end + 2 < stat.Length ? stat[end + 2] : 'X';
            return state is not ('Z' or 'X');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
