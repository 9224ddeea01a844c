using System.Diagnostics;

namespace Mcp.Benchmarks;

/// <summary>One run of a whole process, from fork to exit.</summary>
internal static class ProcessRun
{
    /// <summary>Runs the command and gives its wall time in milliseconds and what it printed.</summary>
    /// <exception cref="InvalidOperationException">It could not be started, ran for more than two minutes, or failed.</exception>
    public static (double Millis, string Output) Time(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, string? input = null)
    {
        using var process = Start(command, environment, out var started);
        if (input is not null)
            process.StandardInput.Write(input);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(120_000))
        {
            process.Kill(entireProcessTree: true);
            throw new InvalidOperationException($"{string.Join(' ', command)} ran for more than two minutes");
        }
        var millis = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{string.Join(' ', command)} exited {process.ExitCode}: {error.Result}{output}");
        return (millis, output);
    }

    /// <summary>Starts a process that goes on; its output is drained into <paramref name="log"/>.</summary>
    public static Process Background(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, string log)
    {
        var process = Start(command, environment, out _);
        process.StandardInput.Close();
        var writer = TextWriter.Synchronized(new StreamWriter(log) { AutoFlush = true });
        process.OutputDataReceived += (_, e) => writer.WriteLine(e.Data);
        process.ErrorDataReceived += (_, e) => writer.WriteLine(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Resident set of a process in MiB (VmRSS of proc(5)).</summary>
    public static double ResidentMiB(int pid)
    {
        var line = File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) / 1024;
    }

    private static Process Start(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, out long started)
    {
        var info = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            info.Environment[name] = value;
        started = Stopwatch.GetTimestamp();
        return Process.Start(info) ?? throw new InvalidOperationException($"{command[0]} did not start");
    }
}
