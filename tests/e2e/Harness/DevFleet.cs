using System.Diagnostics;
using System.Text;

namespace Mcp.EndToEnd.Harness;

/// <summary>
/// A fleet of one node, as <c>mcp dev --dir</c> makes it: master and agent in one process on loopback, everything under one folder. Several
/// live side by side, on one podman: a test gives its services names of its own by <see cref="Unique"/>, and what they leave in podman
/// is removed at the end.
/// </summary>
internal sealed class DevFleet : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StringBuilder _printed = new();
    private readonly string _id = Guid.NewGuid().ToString("N")[..6];
    private readonly List<string> _services = [];
    private Process? _process;

    private DevFleet()
    {
    }

    /// <summary>What <c>--dir</c> names.</summary>
    public string Folder => _folder.PathOf("dev");

    /// <summary>All that the running process, and earlier ones, have printed.</summary>
    public string Printed
    {
        get
        {
            lock (_printed)
                return _printed.ToString();
        }
    }

    /// <summary>The running process, to be signalled.</summary>
    public int ProcessId => (_process ?? throw new InvalidOperationException("the fleet is stopped")).Id;

    /// <summary>Starts a new fleet and waits until its node is healthy.</summary>
    public static async Task<DevFleet> StartAsync()
    {
        var fleet = new DevFleet();
        try
        {
            await fleet.StartProcessAsync();
            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    /// <summary>A service name nobody else on this podman has.</summary>
    public string Unique(string name)
    {
        var unique = $"{name}-{_id}";
        _services.Add(unique);
        return unique;
    }

    /// <summary>Runs the command line against this fleet.</summary>
    public async Task<CommandResult> RunAsync(params string[] arguments) => await RunAsync(arguments, limit: null);

    /// <summary>Runs the command line against this fleet, with a time limit.</summary>
    public async Task<CommandResult> RunAsync(IReadOnlyList<string> arguments, TimeSpan? limit) =>
        await PublishedBinary.RunAsync(arguments, await EnvironmentAsync(), limit: limit);

    /// <summary>Writes a definition beside the fleet's folder and returns its path.</summary>
    public string Define(string service, string text)
    {
        var path = _folder.PathOf($"{service}.toml");
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Starts the process (again) on the same folder and waits until its node is healthy.</summary>
    public async Task StartProcessAsync()
    {
        var process = Shell.Start(PublishedBinary.Path, ["dev", "--dir", Folder], await EnvironmentAsync());
        process.StandardInput.Close();
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
        await Wait.UntilAsync("mcp dev is ready", IsReadyAsync, TimeSpan.FromMinutes(1), () => Task.FromResult(Printed));
    }

    /// <summary>Ends it as Ctrl-C does and returns its exit code; the containers keep running.</summary>
    public async Task<int> InterruptAsync()
    {
        (await Shell.RunAsync("kill", ["-INT", ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture)])).OrThrow();
        return await ExitAsync();
    }

    /// <summary>Ends it without warning.</summary>
    public async Task KillAsync()
    {
        _process?.Kill(entireProcessTree: false);
        await ExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill(entireProcessTree: true);
            await ExitAsync();
        }
        foreach (var service in _services)
        {
            var left = await TestPodman.RunAsync(["ps", "-aq", "--filter", $"label=mcp.service={service}"]);
            foreach (var container in left.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                await TestPodman.RunAsync(["rm", "-f", "-v", "-t", "0", container]);
            var networks = await TestPodman.RunAsync(["network", "ls", "-q", "--filter", $"name={service}"]);
            foreach (var network in networks.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                await TestPodman.RunAsync(["network", "rm", "-f", network]);
        }
        _folder.Dispose();
    }

    private async Task<int> ExitAsync()
    {
        var process = _process ?? throw new InvalidOperationException("the fleet is stopped");
        using var timer = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await process.WaitForExitAsync(timer.Token);
        _process = null;
        var code = process.ExitCode;
        process.Dispose();
        return code;
    }

    private async Task<bool> IsReadyAsync()
    {
        if (_process is { HasExited: true })
            throw new InvalidOperationException($"mcp dev ended with exit code {_process.ExitCode}: {Printed}");
        if (!File.Exists(Path.Combine(Folder, "cli/mcp.toml")))
            return false;
        var nodes = await RunAsync("node", "list", "--json");
        return nodes.ExitCode == 0 && nodes.Output.Contains("\"healthy\"", StringComparison.Ordinal);
    }

    private void Keep(string? line)
    {
        lock (_printed)
            _printed.AppendLine(line);
    }

    private async Task<IReadOnlyDictionary<string, string?>> EnvironmentAsync() =>
        new Dictionary<string, string?>(await TestPodman.EnvironmentAsync())
        {
            ["MCP_CONFIG_DIR"] = Path.Combine(Folder, "cli"),
            ["MCP_FLEET"] = null,
            ["NO_COLOR"] = "1",
        };
}
