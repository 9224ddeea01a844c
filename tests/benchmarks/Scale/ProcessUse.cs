using System.Globalization;

namespace Mcp.Benchmarks.Scale;

/// <summary>What a process uses, by /proc (proc(5)).</summary>
internal static class ProcessUse
{
    // USER_HZ, which is 100 on every Linux that we build for.
    private const double TicksPerSecond = 100;

    /// <summary>Resident memory, MiB.</summary>
    public static double ResidentMiB(int process) => StatusMiB(process, "VmRSS:");

    /// <summary>The largest resident memory so far, MiB.</summary>
    public static double PeakMiB(int process) => StatusMiB(process, "VmHWM:");

    /// <summary>Processor time used so far by all threads, user and system.</summary>
    public static TimeSpan Cpu(int process)
    {
        var text = File.ReadAllText($"/proc/{process}/stat");
        // The program's name is in parentheses and may hold spaces; utime and stime are the fields 14 and 15 of the line.
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return TimeSpan.FromSeconds((Number(fields[11]) + Number(fields[12])) / TicksPerSecond);
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static double StatusMiB(int process, string key)
    {
        var line = File.ReadLines($"/proc/{process}/status").First(l => l.StartsWith(key, StringComparison.Ordinal));
        return Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[1].Trim('\t')) / 1024;
    }
}
