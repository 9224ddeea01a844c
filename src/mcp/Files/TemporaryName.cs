using System.Globalization;

namespace Mcp.Files;

/// <summary>
/// Names of files that are being written, beside the file that they will become: <c>.NAME.PROCESS-RANDOM.tmp</c>. The process is in it so that what
/// a killed one left can be told from what a living one is writing at this moment.
/// </summary>
internal static class TemporaryName
{
    // Of this life of the process: a process id comes again, in a container it is often the same one.
    private static readonly string Life = Guid.NewGuid().ToString("N");

    private static int _count;

    /// <summary>A name that nobody else has.</summary>
    public static string New(string name) =>
        string.Create(CultureInfo.InvariantCulture, $".{name}.{Environment.ProcessId}-{Life}{Interlocked.Increment(ref _count)}.tmp");

    /// <summary>Matches all names of that file, those of other programs' making, too.</summary>
    public static string Pattern(string name) => $".{name}.*.tmp";

    /// <summary>Whether the file is one of ours and its writer is gone.</summary>
    public static bool IsLeftover(string file, string name)
    {
        var middle = file.AsSpan();
        if (!middle.StartsWith($".{name}.", StringComparison.Ordinal) || !middle.EndsWith(".tmp", StringComparison.Ordinal) || middle.Length <= name.Length + 6)
            return false;
        middle = middle[(name.Length + 2)..^4];
        var dash = middle.IndexOf('-');
        if (dash <= 0 || !int.TryParse(middle[..dash], NumberStyles.None, CultureInfo.InvariantCulture, out var process))
            return false;
        return process == Environment.ProcessId ? !middle[(dash + 1)..].StartsWith(Life, StringComparison.Ordinal) : !Directory.Exists($"/proc/{process.ToString(CultureInfo.InvariantCulture)}");
    }
}
