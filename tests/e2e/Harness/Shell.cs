using System.Diagnostics;
using System.Text;

namespace Mcp.EndToEnd.Harness;

/// <summary>What a program left behind.</summary>
internal sealed record CommandResult(string Command, int ExitCode, string Output, string Errors)
{
    /// <summary>This result, if the exit code is 0.</summary>
    /// <exception cref="InvalidOperationException">Another exit code; the text holds all that was printed.</exception>
    public CommandResult OrThrow() => ExitCode == 0 ? this : throw new InvalidOperationException(ToString());

    /// <summary>Command, exit code and everything printed, for a test's failure message.</summary>
    public override string ToString() => $"{Command}\n  exit code {ExitCode}\n  stdout: {Output.Trim()}\n  stderr: {Errors.Trim()}";
}

/// <summary>Runs programs by argument list (never through a shell of our making), with a time limit and all output collected.</summary>
internal static class Shell
{
    /// <summary>Long enough for a slow machine with other work; a test that hits it hangs.</summary>
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromMinutes(2);

    /// <param name="program">A path, or a name on PATH.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="environment">Variables set in addition; a null value takes one away.</param>
    /// <param name="input">Its standard input; none is an empty one.</param>
    /// <param name="limit">Killed with its children afterwards; <see cref="DefaultLimit"/> if none.</param>
    /// <exception cref="TimeoutException">It ran longer than <paramref name="limit"/>.</exception>
    public static async Task<CommandResult> RunAsync(
        string program,
        IReadOnlyList<string> arguments,
        IReadOnlyDictionary<string, string?>? environment = null,
        Stream? input = null,
        TimeSpan? limit = null)
    {
        var command = $"{Path.GetFileName(program)} {string.Join(' ', arguments)}";
        using var process = Start(program, arguments, environment);
        using var timer = new CancellationTokenSource(limit ?? DefaultLimit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(timer.Token);
            var errors = process.StandardError.ReadToEndAsync(timer.Token);
            await FeedAsync(process, input, timer.Token);
            await process.WaitForExitAsync(timer.Token);
            return new CommandResult(command, process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{command} ran longer than {limit ?? DefaultLimit}");
        }
    }

    /// <summary>Starts it with all three streams redirected; the caller reads, waits and disposes.</summary>
    public static Process Start(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            if (value is null)
                start.Environment.Remove(name);
            else
                start.Environment[name] = value;
        }
        return Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
    }

    private static async Task FeedAsync(Process process, Stream? input, CancellationToken ct)
    {
        try
        {
            if (input is not null)
                await input.CopyToAsync(process.StandardInput.BaseStream, ct);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading all of its input; its exit code says whether that was meant.
        }
    }
}
