using System.Diagnostics;
using Mcp.Benchmarks.Scale;
using Mcp.EndToEnd.Harness;

namespace Mcp.Benchmarks.Data;

/// <summary>What something took: time, processor time of all processes that worked for it, memory, bytes that crossed a network device.</summary>
/// <param name="Seconds">Wall time.</param>
/// <param name="CpuSeconds">User and system, children included.</param>
/// <param name="PeaksMiB">The largest resident memory of each process, by what it is.</param>
/// <param name="WireBytes">Sent on the device, headers included.</param>
internal sealed record Cost(double Seconds, double CpuSeconds, IReadOnlyDictionary<string, double> PeaksMiB, long WireBytes)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>All peaks together: what the machine must have, if they come at the same time.</summary>
    public double AllMiB => PeaksMiB.Values.Sum();

    /// <summary>
    /// Measures. Everything that was written before is on the disk when it begins, so that nobody pays for another's writing. Processes that start and end meanwhile
    /// are looked at ten times a second; what the kernel keeps as their peak misses at most their last tenth.
    /// </summary>
    /// <param name="roles">Processes that run already and work for it, with what they are. Their children count as theirs.</param>
    /// <param name="device">The network device.</param>
    /// <param name="act">The work.</param>
    public static async Task<Cost> OfAsync(IReadOnlyDictionary<int, string> roles, string device, Func<Task> act)
    {
        (await Shell.RunAsync("sync", [], limit: TimeSpan.FromMinutes(10))).OrThrow();
        // proc(5), clear_refs: 5 sets the peak back to what is resident now.
        foreach (var role in roles.Keys)
            await File.WriteAllTextAsync($"/proc/{role}/clear_refs", "5");
        // What runs already and is no role has nothing to do with it: a fleet while others are measured, podman while ours is.
        var bystanders = ProcessUse.Below([Environment.ProcessId], roles.Keys).Keys.ToHashSet();
        var (cpu, wire) = (Cpu(roles), Sent(device));
        var peaks = new Dictionary<string, double>(StringComparer.Ordinal);
        using var over = new CancellationTokenSource();
        var watching = Task.Factory.StartNew(() => Watch(roles, bystanders, peaks, over.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var clock = Stopwatch.StartNew();
        try
        {
            await act();
        }
        finally
        {
            clock.Stop();
            await over.CancelAsync();
            await watching;
        }
        return new Cost(clock.Elapsed.TotalSeconds, Cpu(roles) - cpu, peaks, Sent(device) - wire);
    }

    // What this process itself does is measuring; of it only the children that have ended count.
    private static double Cpu(IReadOnlyDictionary<int, string> roles) =>
        roles.Keys.Sum(p => ProcessUse.CpuWithChildren(p).TotalSeconds) + ProcessUse.CpuWithChildren(Environment.ProcessId).TotalSeconds - ProcessUse.Cpu(Environment.ProcessId).TotalSeconds;

    private static void Watch(IReadOnlyDictionary<int, string> roles, HashSet<int> bystanders, Dictionary<string, double> peaks, CancellationToken over)
    {
        var seen = new Dictionary<int, (string What, double MiB)>();
        do
        {
            foreach (var (process, what) in ProcessUse.Below([.. roles.Keys, Environment.ProcessId], bystanders))
            {
                if (process == Environment.ProcessId)
                    continue;
                // The published file starts itself by this name (/proc/self/exe).
                var program = what.Program == "exe" ? "child" : what.Program;
                var name = roles.TryGetValue(process, out var role) ? role : roles.TryGetValue(what.Root, out var of) ? $"{of}'s {program}" : program;
                try
                {
                    seen[process] = (name, Math.Max(seen.GetValueOrDefault(process).MiB, ProcessUse.PeakMiB(process)));
                }
                catch (Exception e) when (e is IOException or InvalidOperationException)
                {
                    // It ended between the two looks; what was seen of it before counts.
                }
            }
        }
        while (!over.WaitHandle.WaitOne(Look));
        foreach (var (name, mib) in seen.Values)
            peaks[name] = Math.Max(peaks.GetValueOrDefault(name), mib);
    }

    private static long Sent(string device)
    {
        // Not below /sys, which shows the network of whoever mounted it.
        var line = File.ReadLines("/proc/net/dev").First(l => l.TrimStart().StartsWith(device + ":", StringComparison.Ordinal));
        return long.Parse(line[(line.IndexOf(':') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[8], System.Globalization.CultureInfo.InvariantCulture);
    }
}
