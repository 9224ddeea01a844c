using System.Diagnostics;
using System.Text;

namespace Mcp.EndToEnd.Harness;

/// <summary>One long-running role of the published file: started, killed and started again on the same folder.</summary>
/// <param name="arguments">Its arguments.</param>
/// <param name="environment">Variables set in addition.</param>
/// <param name="before">A program that becomes it, with its arguments; none: it is started by itself.</param>
internal sealed class RoleProcess(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?> environment, IReadOnlyList<string>? before = null) : IAsyncDisposable
{
    private readonly StringBuilder _printed = new();
    private Process? _process;

    /// <summary>All that it has printed, earlier runs included.</summary>
    public string Printed
    {
        get
        {
            lock (_printed)
                return _printed.ToString();
        }
    }

    /// <summary>Whether it runs.</summary>
    public bool IsRunning => _process is { HasExited: false };

    /// <summary>Its process id.</summary>
    public int ProcessId => (_process ?? throw new InvalidOperationException("it is not running")).Id;

    /// <summary>Starts it.</summary>
    public void Start()
    {
        IReadOnlyList<string> words = [.. before ?? [], PublishedBinary.Path, .. arguments];
        Start(words[0], [.. words.Skip(1)]);
    }

    /// <summary>Starts it so that it stands before its first instruction until it gets CONT: for those who want to watch it from there.</summary>
    public void StartStopped() => Start("sh", ["-c", "kill -STOP $$; exec \"$0\" \"$@\"", PublishedBinary.Path, .. arguments]);

    private void Start(string program, IReadOnlyList<string> words)
    {
        _process = Shell.Start(program, words, environment);
        _process.StandardInput.Close();
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>SIGKILL to this process alone; what it started lives on.</summary>
    public async Task KillAsync()
    {
        _process?.Kill(entireProcessTree: false);
        await ExitAsync();
    }

    /// <summary>SIGKILL without waiting for its end.</summary>
    public void KillNow() => _process?.Kill(entireProcessTree: false);

    /// <summary>SIGSTOP without waiting for anything.</summary>
    public void StopNow()
    {
        using var sent = Process.Start("kill", ["-STOP", $"{ProcessId}"]);
        sent.WaitForExit();
    }

    /// <summary>A signal by name, as STOP or CONT.</summary>
    public async Task SignalAsync(string signal) => (await Shell.RunAsync("kill", [$"-{signal}", $"{ProcessId}"])).OrThrow();

    /// <summary>SIGTERM, and its exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        await SignalAsync("TERM");
        return await ExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (IsRunning)
            await KillAsync();
    }

    /// <summary>Waits until it has ended by itself, and its exit code.</summary>
    public Task<int> EndedAsync() => ExitAsync();

    private async Task<int> ExitAsync()
    {
        if (_process is not { } process)
            return 0;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await process.WaitForExitAsync(limit.Token);
        _process = null;
        var code = process.ExitCode;
        process.Dispose();
        return code;
    }

    private void Keep(string? line)
    {
        lock (_printed)
            _printed.AppendLine(line);
    }
}
