using System.Diagnostics;
using System.Text;

namespace Mcp.EndToEnd.Harness;

/// <summary>One long-running role of the published file: started, killed and started again on the same folder.</summary>
internal sealed class RoleProcess(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?> environment) : IAsyncDisposable
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
        _process = Shell.Start(PublishedBinary.Path, arguments, environment);
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
