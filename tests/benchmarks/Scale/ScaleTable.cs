using System.Globalization;

namespace Mcp.Benchmarks.Scale;

/// <summary><c>bench.sh --scale</c>: one master at 10, 100 and 1,000 simulated nodes, then sixteen real agents, as Markdown.</summary>
internal static class ScaleTable
{
    /// <summary>Measures and prints.</summary>
    /// <param name="sizes">Numbers of nodes, each with ten services.</param>
    public static async Task<int> RunAsync(IReadOnlyList<int> sizes)
    {
        var all = new List<ScaleFigures>();
        foreach (var size in sizes)
        {
            await using var scale = new SimulatedScale(size, size * 10);
            all.Add(await scale.RunAsync());
        }
        Row("one master, simulated agents", all, f => $"{f.Nodes:N0} nodes, {f.Services:N0} services");
        Console.WriteLine($"|---|{string.Concat(all.Select(_ => "---|"))}");
        Row("all agents registered, beginning at once", all, f => $"{f.RegisteredSeconds:0.00} s");
        Row("most tries of one agent", all, f => $"{f.RegisterTries}");
        Row("heartbeats recorded per second, all agents at once", all, f => $"{f.HeartbeatsPerSecond:N0}");
        Row("processor time of the master for a heartbeat", all, f => $"{f.MasterMicrosecondsPerHeartbeat:N0} µs");
        Row("share of the load generator in the processor time", all, f => $"{f.GeneratorShare:0 %}");
        Row("RSS of the master, agents connected, heartbeats every 30 s", all, f => $"{f.IdleMiB:0.0} MiB");
        Row("processor use of the master meanwhile", all, f => $"{f.IdleCores:0.000} cores");
        Row("status, p50", all, f => $"{f.StatusP50:0} ms");
        Row("status, p99", all, f => $"{f.StatusP99:0} ms");
        Row("processor time of the master for a status", all, f => $"{f.StatusMasterMilliseconds:0} ms");
        Row("bytes of a status", all, f => $"{f.StatusKiB:N0} KiB");
        Row("no-change plan, p50", all, f => $"{f.PlanP50:0} ms");
        Row("no-change plan, p99", all, f => $"{f.PlanP99:0} ms");
        Row("RSS of the master after 60 statuses", all, f => $"{f.AfterStatusMiB:0.0} MiB");
        Console.WriteLine();
        // Last: sixteen joins from one address take a while.
        await using (var real = new RealScale(16, 200))
            await real.RunAsync();
        return 0;
    }

    private static void Row(string what, List<ScaleFigures> all, Func<ScaleFigures, FormattableString> cell) =>
        Console.WriteLine($"| {what} | {string.Join(" | ", all.Select(f => cell(f).ToString(CultureInfo.InvariantCulture)))} |");
}
