using System.Globalization;

namespace Mcp.EndToEnd.Harness;

/// <summary>
/// Bare nodes on this one machine: podman containers with systemd as PID 1 and podman nested inside, on a network of their own. Nothing of
/// ours is in them. Names and subnet are unique, so several fleets live side by side; everything is removed at the end, and what a killed
/// test run left is removed by the next one.
/// </summary>
internal sealed class FleetInABox : IAsyncDisposable
{
    // The label carries the process that made it, so that leftovers of a dead run can be told from a living one's.
    private const string OwnerLabel = "mcp.test.owner";

    private static readonly Lazy<Task<string>> NodeImage = new(PrepareImageAsync);

    private readonly string _id = Guid.NewGuid().ToString("N")[..6];
    private readonly List<BoxNode> _nodes = [];
    private string _subnet = "";

    private FleetInABox()
    {
    }

    /// <summary>The outer network's name.</summary>
    public string Network => $"mcpt-{_id}";

    /// <summary>The nodes in the order of their names at creation.</summary>
    public IReadOnlyList<BoxNode> Nodes => _nodes;

    /// <summary>The node of that name.</summary>
    public BoxNode this[string name] => _nodes.Single(node => node.Name == name);

    /// <summary>Makes the network and the nodes and waits until systemd runs in all of them.</summary>
    public static async Task<FleetInABox> StartAsync(params string[] names)
    {
        var image = await NodeImage.Value;
        await RemoveLeftoversAsync();
        var fleet = new FleetInABox();
        try
        {
            await fleet.CreateNetworkAsync();
            // All at once: a node takes a few seconds to boot and mostly waits.
            await Task.WhenAll(names.Select((name, index) => fleet.StartNodeAsync(name, index + 11, image)));
            fleet._nodes.Sort((a, b) => Array.IndexOf(names, a.Name).CompareTo(Array.IndexOf(names, b.Name)));
            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    /// <summary>Removes the nodes with all that is in them, and the network.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Environment.GetEnvironmentVariable("MCP_KEEP_FLEET") is { Length: > 0 })
            return;
        foreach (var node in _nodes)
            await TestPodman.RunAsync(["rm", "-f", "-v", "-t", "0", node.Container]);
        if (_subnet.Length > 0)
            await TestPodman.RunAsync(["network", "rm", "-f", Network]);
    }

    private static string Owner => string.Create(CultureInfo.InvariantCulture, $"{OwnerLabel}={Environment.ProcessId}");

    private static async Task<string> PrepareImageAsync()
    {
        var result = await Shell.RunAsync(Repository.PathOf("packaging/testing/node-image.sh"), [], await TestPodman.EnvironmentAsync(),
            limit: TimeSpan.FromMinutes(20));
        return result.OrThrow().Output.Trim();
    }

    private async Task CreateNetworkAsync()
    {
        // Another fleet, or the machine itself, may have the subnet: try others.
        CommandResult? last = null;
        for (var attempt = 0; attempt < 20; attempt++)
        {
            var subnet = string.Create(CultureInfo.InvariantCulture, $"10.89.{Random.Shared.Next(100, 250)}");
            last = await TestPodman.RunAsync(["network", "create", "--label", Owner, "--subnet", $"{subnet}.0/24", Network]);
            if (last.ExitCode == 0)
            {
                _subnet = subnet;
                return;
            }
        }
        last!.OrThrow();
    }

    private async Task StartNodeAsync(string name, int host, string image)
    {
        var address = string.Create(CultureInfo.InvariantCulture, $"{_subnet}.{host}");
        var node = new BoxNode(name, address, $"{Network}-{name}");
        lock (_nodes)
            _nodes.Add(node);
        // The anonymous volume keeps the nested store off the outer overlay, which cannot be stacked once more.
        (await TestPodman.RunAsync([
            "run", "-d", "--name", node.Container, "--hostname", name, "--label", Owner, "--network", Network, "--ip", address,
            "--privileged", "--systemd=true", "--cgroupns=host", "-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "-v", "/var/lib/containers",
            image, "/lib/systemd/systemd"])).OrThrow();
        await node.WaitRunningAsync();
    }

    private static async Task RemoveLeftoversAsync()
    {
        var containers = await TestPodman.RunAsync(["ps", "-a", "--filter", $"label={OwnerLabel}", "--format", $"{{{{.ID}}}} {{{{.Label \"{OwnerLabel}\"}}}}"]);
        foreach (var (id, owner) in Pairs(containers.Output))
        {
            if (!Directory.Exists($"/proc/{owner}"))
                await TestPodman.RunAsync(["rm", "-f", "-v", "-t", "0", id]);
        }
        var networks = await TestPodman.RunAsync(["network", "ls", "--filter", $"label={OwnerLabel}", "--format", "{{.Name}} {{.Labels}}"]);
        foreach (var (name, labels) in Pairs(networks.Output))
        {
            if (labels.Split('=') is [.., var owner] && !Directory.Exists($"/proc/{owner}"))
                await TestPodman.RunAsync(["network", "rm", "-f", name]);
        }
    }

    private static IEnumerable<(string First, string Second)> Pairs(string text) =>
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ', 2, StringSplitOptions.TrimEntries))
            .Where(words => words.Length == 2)
            .Select(words => (words[0], words[1]));
}
