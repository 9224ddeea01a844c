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
        var fields = Fields(process);
        return TimeSpan.FromSeconds((Number(fields[11]) + Number(fields[12])) / TicksPerSecond);
    }

    // The program's name is in parentheses and may hold spaces; utime, stime, cutime and cstime are the fields 14 to 17 of the line.
    private static string[] Fields(int process)
    {
        var text = File.ReadAllText($"/proc/{process}/stat");
        return text[(text.LastIndexOf(')') + 2)..].Split(' ');
    }

    /// <summary>As <see cref="Cpu"/>, with that of all children that have ended and were waited for, and theirs.</summary>
    public static TimeSpan CpuWithChildren(int process)
    {
        var fields = Fields(process);
        return TimeSpan.FromSeconds((Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])) / TicksPerSecond);
    }

    /// <summary>These processes and all below them, each with the one that it is below and the name of its program.</summary>
    /// <param name="roots">Which; one that is below another is a root of its own.</param>
    /// <param name="without">Left out with all below them.</param>
    public static IReadOnlyDictionary<int, (int Root, string Program)> Below(IReadOnlyList<int> roots, IEnumerable<int> without)
    {
        var omitted = without.Except(roots).ToHashSet();
        var (children, programs) = (new Dictionary<int, List<int>>(), new Dictionary<int, string>());
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var process))
                continue;
            try
            {
                var text = File.ReadAllText($"{folder}/stat");
                programs[process] = text[(text.IndexOf('(') + 1)..text.LastIndexOf(')')];
                var parent = int.Parse(text[(text.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
                (children.TryGetValue(parent, out var of) ? of : children[parent] = []).Add(process);
            }
            catch (IOException)
            {
                // It has ended.
            }
        }
        var found = new Dictionary<int, (int, string)>();
        foreach (var root in roots)
        {
            var left = new Stack<int>([root]);
            while (left.TryPop(out var process))
            {
                if (process != root && roots.Contains(process) || omitted.Contains(process) || !programs.TryGetValue(process, out var program))
                    continue;
                found[process] = (root, program);
                foreach (var child in children.GetValueOrDefault(process) ?? [])
                    left.Push(child);
            }
        }
        return found;
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static double StatusMiB(int process, string key)
    {
        var line = File.ReadLines($"/proc/{process}/status").First(l => l.StartsWith(key, StringComparison.Ordinal));
        return Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[1].Trim('\t')) / 1024;
    }
}
