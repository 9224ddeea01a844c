using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mcp.EndToEnd.Harness;

/// <summary>
/// A master and two workers as three processes on loopback, set up as an operator would, each of which can be killed, stopped and started again alone.
/// Each agent drives a podman with a store of its own, so that a service's container may be on both nodes at once, as between real machines; containers
/// share this machine's network, which the nodes' policy allows here. The data of <c>bee</c> is on a small disk of its own.
/// </summary>
internal sealed class PairFleet : IAsyncDisposable
{
    public const string Ant = "ant";

    public const string Bee = "bee";

    /// <summary>Of bee's disk, in MiB.</summary>
    public const int BeeDisk = 400;

    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, RoleProcess> _agents = [];
    private readonly List<Process> _podmans = [];
    private readonly Dictionary<string, NodeLine> _lines = [];
    private readonly PairSetting _setting;
    private readonly string _masterAddress;
    private IReadOnlyDictionary<string, string?> _environment = new Dictionary<string, string?>();
    private RoleProcess? _master;

    private PairFleet(PairSetting setting) => (_setting, _masterAddress) = (setting, FreeAddress(setting.Host));

    public RoleProcess Master => _master ?? throw new InvalidOperationException("the fleet is not up");

    /// <summary>The operator's folder of definitions.</summary>
    public string Definitions => _folder.PathOf("cli/services");

    public RoleProcess Agent(string node) => _agents[node];

    /// <summary>The line over which the master calls a node.</summary>
    public NodeLine Line(string node) => _lines[node];

    /// <summary>Where <c>/srv</c> of definitions lies on a node.</summary>
    public string DataRoot(string node) => _folder.PathOf($"{node}/srv");

    public string AgentDatabase(string node) => _folder.PathOf($"{node}/srv/mcp/mcp.db");

    public string MasterDatabase => _folder.PathOf("master/master.db");

    public string AgentSocket(string node) => _folder.PathOf($"{node}/agent.sock");

    public string MasterSocket => _folder.PathOf("master.sock");

    /// <summary>The master's own folder.</summary>
    public string MasterHome => _folder.PathOf("master");

    /// <summary>Sets the fleet up with an image in both stores and waits until both nodes are healthy.</summary>
    /// <param name="image">The image.</param>
    /// <param name="setting">What is to be otherwise.</param>
    public static async Task<PairFleet> StartAsync(string image, PairSetting? setting = null)
    {
        var fleet = new PairFleet(setting ?? new PairSetting());
        try
        {
            await fleet.SetUpAsync(image);
            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs the command line against this fleet.</summary>
    public Task<CommandResult> RunAsync(params string[] arguments) => PublishedBinary.RunAsync(arguments, _environment, limit: TimeSpan.FromMinutes(4));

    /// <summary>Runs a node's podman.</summary>
    public Task<CommandResult> PodmanAsync(string node, params string[] arguments) => Shell.RunAsync("podman", [.. Store(node), .. arguments], _environment);

    /// <summary>The nodes on which a container of that name runs.</summary>
    public async Task<List<string>> RunningOnAsync(string service)
    {
        var nodes = new List<string>();
        foreach (var node in _agents.Keys)
        {
            // Without -a: what runs, and what was paused while it did.
            var running = await PodmanAsync(node, "ps", "--format", "{{.Names}}");
            if (running.OrThrow().Output.Split('\n').Contains(service))
                nodes.Add(node);
        }
        return nodes;
    }

    /// <summary>Every container of both nodes and what they wrote last, for failure messages.</summary>
    public async Task<string> SeenAsync()
    {
        var text = new StringBuilder();
        foreach (var node in _agents.Keys)
        {
            text.Append(node).Append(": ").Append(await PodmanAsync(node, "ps", "-a", "--format", "{{.Names}} {{.Status}}")).AppendLine();
            foreach (var container in (await PodmanAsync(node, "ps", "-aq")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                text.Append(await PodmanAsync(node, "logs", "--tail", "5", container)).AppendLine();
        }
        return text.ToString();
    }

    /// <summary>Waits until the master says that both nodes are healthy.</summary>
    public Task UntilHealthyAsync() => Wait.UntilAsync("both nodes are healthy", async () =>
    {
        var nodes = await RunAsync("node", "list", "--json");
        return nodes.ExitCode == 0 && nodes.Output.Split("\"healthy\"").Length == 3;
    }, TimeSpan.FromMinutes(2), () => Task.FromResult(Printed));

    /// <summary>What all roles have printed, for failure messages.</summary>
    public string Printed => string.Join('\n', _agents.Select(a => $"{a.Key}: {Tail(a.Value.Printed)}").Prepend($"master: {Tail(_master?.Printed ?? "")}"));

    public async ValueTask DisposeAsync()
    {
        foreach (var agent in _agents.Values.Where(a => a.IsRunning))
            await agent.SignalAsync("CONT");
        foreach (var agent in _agents.Values)
            await agent.DisposeAsync();
        if (_master is not null)
            await _master.DisposeAsync();
        foreach (var line in _lines.Values)
            line.Dispose();
        foreach (var podman in _podmans)
        {
            podman.Kill(entireProcessTree: false);
            podman.Dispose();
        }
        foreach (var node in new[] { Ant, Bee }.Where(n => Directory.Exists(_folder.PathOf($"{n}/store"))))
        {
            await PodmanAsync(node, "rm", "-f", "-a", "-t", "0");
            // One for each podman that found the store without it.
            await Shell.RunAsync("sh", ["-c", "while umount -l \"$0\"; do :; done", _folder.PathOf($"{node}/store/overlay")]);
        }
        await Shell.RunAsync("umount", ["-l", DataRoot(Bee)]);
        _folder.Dispose();
    }

    private string[] Store(string node) => ["--root", _folder.PathOf($"{node}/store"), "--runroot", _folder.PathOf($"{node}/run"), "--tmpdir", _folder.PathOf($"{node}/tmp")];

    private async Task SetUpAsync(string image)
    {
        await MakeEnvironmentAsync();
        var home = _folder.PathOf("master");
        var first = (await RunAsync("master", "init", "--domain", "e2e.test", "--address", _masterAddress, "--home", home)).OrThrow();
        Insert(Path.Combine(home, "mcp-master.toml"), "[server]", $"socket = \"{MasterSocket}\"");
        await File.AppendAllTextAsync(Path.Combine(home, "mcp-master.toml"), _setting.MasterSettings);
        _master = new RoleProcess(["master", "run", "--config", Path.Combine(home, "mcp-master.toml")], _environment);
        _master.Start();
        await Wait.UntilAsync("the master listens", () => Task.FromResult(File.Exists(MasterSocket)), otherwise: () => Task.FromResult(_master.Printed));
        await WithTokenAsync(first.Output, [], "login", _masterAddress);
        var archive = _folder.PathOf("image.tar");
        (await TestPodman.RunAsync(["save", "-q", "-o", archive, image])).OrThrow();
        await Task.WhenAll(JoinAsync(Ant, archive), JoinAsync(Bee, archive));
        await UntilHealthyAsync();
    }

    // Locks in files below each store's own folder: those in shared memory are one table for all stores of a machine.
    private async Task MakeEnvironmentAsync()
    {
        var environment = await TestPodman.EnvironmentAsync();
        var settings = environment.GetValueOrDefault("CONTAINERS_CONF") is { } file ? await File.ReadAllTextAsync(file) : "[engine]\n";
        await File.WriteAllTextAsync(_folder.PathOf("containers.conf"), settings.Replace("[engine]", "[engine]\nlock_type = \"file\"", StringComparison.Ordinal));
        _environment = new Dictionary<string, string?>(environment)
        {
            ["CONTAINERS_CONF"] = _folder.PathOf("containers.conf"),
            ["MCP_CONFIG_DIR"] = _folder.PathOf("cli"),
            ["MCP_FLEET"] = null,
            ["NO_COLOR"] = "1",
        };
    }

    private async Task JoinAsync(string node, string archive)
    {
        foreach (var folder in new[] { "srv", "store", "run", "tmp" })
            Directory.CreateDirectory(_folder.PathOf($"{node}/{folder}"));
        if (node == Bee && _setting.BeeDiskMiB is { } size)
            (await Shell.RunAsync("mount", ["-t", "tmpfs", "-o", $"size={size}m,mode=0755", "tmpfs", DataRoot(Bee)])).OrThrow();
        var before = node == Bee ? _setting.BeeBefore : [];
        (await PodmanAsync(node, "load", "-q", "-i", archive)).OrThrow();
        var socket = _folder.PathOf($"{node}/podman.sock");
        IReadOnlyList<string> words = [.. before, "podman", .. Store(node), "system", "service", "--time=0", $"unix://{socket}"];
        var podman = Shell.Start(words[0], [.. words.Skip(1)], _environment);
        podman.StandardInput.Close();
        podman.BeginOutputReadLine();
        podman.BeginErrorReadLine();
        lock (_podmans)
            _podmans.Add(podman);
        await Wait.UntilAsync("podman's API listens", () => Task.FromResult(File.Exists(socket)));
        var invited = (await RunAsync("node", "add", node, "--role", "worker")).OrThrow();
        var (home, address) = (_folder.PathOf($"{node}/srv/mcp"), FreeAddress(node == Bee ? _setting.BeeHost : _setting.Host, foreign: before.Count > 0));
        await WithTokenAsync(
            invited.Output, before, "agent", "join", _masterAddress, "--home", home, "--data-root", DataRoot(node), "--listen", address, "--address", LineTo(node, address), "--podman-socket", socket);
        var configuration = Path.Combine(home, "mcp-agent.toml");
        Insert(configuration, "[server]", $"socket = \"{AgentSocket(node)}\"");
        if (File.ReadAllText(configuration).Contains("[policy]", StringComparison.Ordinal))
            Insert(configuration, "[policy]", "host_network = true");
        else
            File.AppendAllText(configuration, "\n[policy]\nhost_network = true\n");
        var agent = new RoleProcess(["agent", "run", "--config", configuration], _environment, before);
        lock (_agents)
            _agents.Add(node, agent);
        agent.Start();
    }

    // What the master is told to call.
    private string LineTo(string node, string address)
    {
        if (!_setting.Lines)
            return address;
        var line = new NodeLine(address);
        lock (_lines)
            _lines.Add(node, line);
        return line.Address;
    }

    private async Task WithTokenAsync(string token, IReadOnlyList<string> before, params string[] arguments)
    {
        using var input = new MemoryStream(Encoding.UTF8.GetBytes(token.Trim() + "\n"));
        IReadOnlyList<string> words = [.. before, PublishedBinary.Path, .. arguments];
        (await Shell.RunAsync(words[0], [.. words.Skip(1)], _environment, input)).OrThrow();
    }

    private static void Insert(string file, string table, string line)
    {
        var text = File.ReadAllText(file);
        var start = text.IndexOf(table, StringComparison.Ordinal);
        File.WriteAllText(file, text.Insert(start + table.Length, "\n" + line));
    }

    // Of a foreign host the port can only be one that is free here.
    private static string FreeAddress(string host, bool foreign = false)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(foreign ? IPAddress.Loopback : IPAddress.Parse(host), 0));
        return new IPEndPoint(IPAddress.Parse(host), ((IPEndPoint)socket.LocalEndPoint!).Port).ToString();
    }

    private static string Tail(string text) => text.Length <= 3000 ? text : text[^3000..];
}
