using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mcp.EndToEnd.Harness;

/// <summary>
/// Master and one agent as two processes on loopback, set up as an operator would (init, login, node add, join), so that each can be killed
/// and started again alone. The agent drives this machine's podman through an API service that belongs to the fleet, as a unit would.
/// </summary>
internal sealed class SplitFleet : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _id = Guid.NewGuid().ToString("N")[..6];
    private readonly List<string> _services = [];
    private IReadOnlyDictionary<string, string?> _environment = new Dictionary<string, string?>();
    private RoleProcess? _master;
    private RoleProcess? _agent;
    private Process? _podman;
    private readonly List<string> _mounted = [];

    private SplitFleet()
    {
    }

    /// <summary>The only node.</summary>
    public const string Node = "ant";

    public RoleProcess Master => _master ?? throw new InvalidOperationException("the fleet is not up");

    public RoleProcess Agent => _agent ?? throw new InvalidOperationException("the fleet is not up");

    /// <summary>Everything of this fleet but what lies in podman.</summary>
    public string Folder => _folder.Path;

    /// <summary>Where <c>/srv</c> of definitions lies.</summary>
    public string DataRoot => _folder.PathOf("srv");

    /// <summary>The agent's own folder.</summary>
    public string AgentHome => _folder.PathOf("srv/mcp");

    /// <summary>The master's own folder.</summary>
    public string MasterHome => _folder.PathOf("srv/mcp-master");

    /// <summary>The agent's Unix socket.</summary>
    public string AgentSocket => _folder.PathOf("run/agent.sock");

    /// <summary>The master's Unix socket.</summary>
    public string MasterSocket => _folder.PathOf("run/master.sock");

    /// <summary>The registry logins of the node, where it has a registry.</summary>
    public string AuthFile => _folder.PathOf("logins.json");

    /// <summary>The process that serves podman's API to the agent.</summary>
    public int PodmanProcessId => (_podman ?? throw new InvalidOperationException("the fleet is not up")).Id;

    private string PodmanSocket => _folder.PathOf("run/podman.sock");

    /// <summary>A path in the fleet's own folder; "cli" is the operator's configuration.</summary>
    public string PathOf(string relative) => _folder.PathOf(relative);

    public string AgentDatabase => _folder.PathOf("srv/mcp/mcp.db");

    public string MasterDatabase => _folder.PathOf("srv/mcp-master/master.db");

    public string MasterAddress { get; } = FreeAddress();

    public string AgentAddress { get; } = FreeAddress();

    /// <summary>Sets the fleet up and waits until its node is healthy.</summary>
    /// <param name="agentDisk">The size of a file system of its own for the agent's database and keys, as "24m"; null: none. Needs root.</param>
    /// <param name="masterDisk">The same for the master's folder.</param>
    /// <param name="registry">host:port of a registry without TLS that the node's podman is told of, and to which it logs in by <see cref="AuthFile"/>.</param>
    /// <param name="dataDisk">The size of a file system of its own for the data root, the roles' folders included.</param>
    public static async Task<SplitFleet> StartAsync(string? agentDisk = null, string? masterDisk = null, string? registry = null, string? dataDisk = null)
    {
        var fleet = new SplitFleet();
        try
        {
            await fleet.SetUpAsync(agentDisk, masterDisk, registry, dataDisk);
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

    /// <summary>Writes a definition and returns its path.</summary>
    public string Define(string service, string text)
    {
        var path = _folder.PathOf($"{service}.toml");
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>The operator's folder of definitions, which plan and sync read.</summary>
    public string Definitions => _folder.PathOf("cli/services");

    /// <summary>Runs the command line against this fleet.</summary>
    public Task<CommandResult> RunAsync(params string[] arguments) => PublishedBinary.RunAsync(arguments, _environment, limit: TimeSpan.FromMinutes(4));

    /// <summary>Starts the command line against this fleet; the caller reads, signals and disposes.</summary>
    public Process StartCommand(params string[] arguments)
    {
        var process = Shell.Start(PublishedBinary.Path, arguments, _environment);
        process.StandardInput.Close();
        return process;
    }

    /// <summary>Runs the command line against this fleet, as an operator who pipes a token into it, or under another program.</summary>
    public async Task<CommandResult> RunAsync(string program, IReadOnlyList<string> arguments, string input)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(input));
        return await Shell.RunAsync(program, arguments, _environment, stream);
    }

    /// <summary>The containers of a service that podman knows: "name running", or its name and podman's words, one each.</summary>
    public static async Task<string[]> ContainersAsync(string service)
    {
        var listed = (await TestPodman.RunAsync(["ps", "-a", "--filter", $"label=mcp.service={service}", "--format", "{{.Names}} {{.Status}}"])).OrThrow();
        return [.. listed.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ') is [var name, "Up", ..] ? $"{name} running" : line)];
    }

    /// <summary>Waits until the master says that the node is healthy.</summary>
    public Task UntilHealthyAsync() => Wait.UntilAsync("the node is healthy", async () =>
    {
        var nodes = await RunAsync("node", "list", "--json");
        return nodes.ExitCode == 0 && nodes.Output.Contains("\"healthy\"", StringComparison.Ordinal);
    }, TimeSpan.FromMinutes(2), () => Task.FromResult($"master: {_master?.Printed}\nagent: {_agent?.Printed}"));

    /// <summary>SIGKILL to the process that serves podman's API; containers run on.</summary>
    public async Task KillPodmanAsync()
    {
        if (_podman is null)
            return;
        _podman.Kill(entireProcessTree: false);
        await _podman.WaitForExitAsync();
        _podman.Dispose();
        _podman = null;
    }

    /// <summary>Starts podman's API, as its unit would after a failure, and waits until it listens.</summary>
    public async Task StartPodmanAsync()
    {
        File.Delete(PodmanSocket);
        _podman = Shell.Start("podman", ["system", "service", "--time=0", $"unix://{PodmanSocket}"], _environment);
        _podman.StandardInput.Close();
        // Drained, so that it never waits for a reader.
        _podman.BeginOutputReadLine();
        _podman.BeginErrorReadLine();
        await Wait.UntilAsync("podman's API listens", () => Task.FromResult(File.Exists(PodmanSocket)));
    }

    public async ValueTask DisposeAsync()
    {
        if (_agent is not null)
            await _agent.DisposeAsync();
        if (_master is not null)
            await _master.DisposeAsync();
        await KillPodmanAsync();
        foreach (var service in _services)
        {
            var left = await TestPodman.RunAsync(["ps", "-aq", "--filter", $"label=mcp.service={service}"]);
            foreach (var container in left.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                await TestPodman.RunAsync(["rm", "-f", "-v", "-t", "0", container]);
            await TestPodman.RunAsync(["network", "rm", "-f", $"mcp-{service}"]);
        }
        // The innermost first.
        foreach (var folder in Enumerable.Reverse(_mounted))
            await Shell.RunAsync("umount", ["-l", folder]);
        _folder.Dispose();
    }

    /// <summary>A second master of this fleet, to be started and disposed of by the caller.</summary>
    public RoleProcess AnotherMaster(string configuration) => new(["master", "run", "--config", configuration], _environment);

    /// <summary>A loopback address that nobody listens on.</summary>
    public static string FreeAddress()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket.LocalEndPoint!.ToString()!;
    }

    private async Task SetUpAsync(string? agentDisk, string? masterDisk, string? registry, string? dataDisk)
    {
        Directory.CreateDirectory(_folder.PathOf("run"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.CreateDirectory(_folder.PathOf("srv"));
        await MountAsync(DataRoot, dataDisk);
        await MountAsync(AgentHome, agentDisk);
        await MountAsync(MasterHome, masterDisk);
        _environment = new Dictionary<string, string?>(await TestPodman.EnvironmentAsync())
        {
            ["MCP_CONFIG_DIR"] = _folder.PathOf("cli"),
            ["MCP_FLEET"] = null,
            ["NO_COLOR"] = "1",
        };
        if (registry is not null)
        {
            // Which registries speak no TLS is podman's own setting, never ours.
            await File.WriteAllTextAsync(_folder.PathOf("registries.conf"), $"[[registry]]\nlocation = \"{registry}\"\ninsecure = true\n");
            _environment = new Dictionary<string, string?>(_environment) { ["CONTAINERS_REGISTRIES_CONF"] = _folder.PathOf("registries.conf") };
        }
        var (masterHome, agentHome) = (MasterHome, AgentHome);
        await StartPodmanAsync();
        var first = (await RunAsync("master", "init", "--domain", "e2e.test", "--address", MasterAddress, "--home", masterHome)).OrThrow();
        OwnSocket(Path.Combine(masterHome, "mcp-master.toml"), "run/master.sock");
        _master = new RoleProcess(["master", "run", "--config", Path.Combine(masterHome, "mcp-master.toml")], _environment);
        _master.Start();
        await Wait.UntilAsync("the master listens", () => Task.FromResult(File.Exists(_folder.PathOf("run/master.sock"))), otherwise: () => Task.FromResult(_master.Printed));
        await WithTokenAsync(first.Output, "login", MasterAddress);
        var joining = (await RunAsync("node", "add", Node, "--role", "worker")).OrThrow();
        await WithTokenAsync(joining.Output, "agent", "join", MasterAddress, "--home", agentHome, "--data-root", DataRoot,
            "--listen", AgentAddress, "--address", AgentAddress, "--podman-socket", PodmanSocket);
        OwnSocket(Path.Combine(agentHome, "mcp-agent.toml"), "run/agent.sock");
        if (registry is not null)
            Insert(Path.Combine(agentHome, "mcp-agent.toml"), "[podman]", $"auth_file = \"{AuthFile}\"");
        _agent = new RoleProcess(["agent", "run", "--config", Path.Combine(agentHome, "mcp-agent.toml")], _environment);
        _agent.Start();
        await UntilHealthyAsync();
    }

    // A file system of its own, so that its being full or read-only is nobody else's trouble.
    private async Task MountAsync(string folder, string? size)
    {
        if (size is null)
            return;
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        (await Shell.RunAsync("mount", ["-t", "tmpfs", "-o", $"size={size},mode=0700", "tmpfs", folder])).OrThrow();
        _mounted.Add(folder);
    }

    private async Task WithTokenAsync(string token, params string[] arguments)
    {
        using var input = new MemoryStream(Encoding.UTF8.GetBytes(token.Trim() + "\n"));
        (await PublishedBinary.RunAsync(arguments, _environment, input)).OrThrow();
    }

    // The Unix sockets lie under /run by default, where two fleets on one machine would meet.
    private void OwnSocket(string file, string socket) => Insert(file, "[server]", $"socket = \"{_folder.PathOf(socket)}\"");

    private static void Insert(string file, string table, string line)
    {
        var text = File.ReadAllText(file);
        var start = text.IndexOf(table, StringComparison.Ordinal);
        File.WriteAllText(file, text.Insert(start + table.Length, "\n" + line));
    }
}
