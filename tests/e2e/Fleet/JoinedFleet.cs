using System.Text;
using System.Text.RegularExpressions;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>
/// A fleet as an operator sets it up by hand: bare nodes, on each the one file copied and <c>mcp agent join</c> typed, the units of systemd/,
/// and this machine logged in from outside. The master is the node <c>m</c>, with an agent of its own.
/// </summary>
internal sealed partial class JoinedFleet : IAsyncDisposable
{
    /// <summary>The name of the master's node.</summary>
    public const string MasterNode = "m";

    private readonly TemporaryFolder _operator = new();

    private JoinedFleet(FleetInABox box) => Box = box;

    /// <summary>The machines.</summary>
    public FleetInABox Box { get; }

    /// <summary>Where agents and operators dial the master.</summary>
    public string MasterAddress => $"{Box[MasterNode].Address}:9555";

    /// <summary>Sets it up and waits until the master calls every node healthy.</summary>
    public static async Task<JoinedFleet> StartAsync(IReadOnlyList<string> workers, IReadOnlyList<string> edges)
    {
        var fleet = new JoinedFleet(await FleetInABox.StartAsync([MasterNode, .. workers, .. edges]));
        try
        {
            await Task.WhenAll(fleet.Box.Nodes.Select(PrepareAsync));
            await fleet.StartMasterAsync();
            await fleet.JoinAsync(MasterNode, "master");
            foreach (var worker in workers)
                await fleet.JoinAsync(worker, "worker");
            foreach (var edge in edges)
                await fleet.JoinAsync(edge, "edge");
            await fleet.WaitHealthyAsync();
            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs the command line on the operator's machine, outside of all nodes.</summary>
    public Task<CommandResult> RunAsync(params string[] arguments) => RunAsync(arguments, input: null);

    /// <summary>Runs the command line on the operator's machine with something on its standard input.</summary>
    public async Task<CommandResult> RunAsync(IReadOnlyList<string> arguments, string? input) =>
        await PublishedBinary.RunAsync(
            arguments,
            new Dictionary<string, string?> { ["MCP_CONFIG_DIR"] = _operator.PathOf("config"), ["MCP_FLEET"] = null, ["NO_COLOR"] = "1" },
            input is null ? null : new MemoryStream(Encoding.UTF8.GetBytes(input)));

    /// <summary>Deploys a definition given as text.</summary>
    public async Task<CommandResult> DeployAsync(string service, string definition)
    {
        var file = _operator.PathOf($"{service}.toml");
        await File.WriteAllTextAsync(file, definition);
        return await RunAsync("deploy", service, "-f", file);
    }

    /// <summary>Waits until every node is healthy in the master's eyes.</summary>
    public Task WaitHealthyAsync() => Wait.UntilAsync(
        "all nodes are healthy",
        async () =>
        {
            var nodes = await RunAsync("node", "list", "--json");
            return nodes.ExitCode == 0 && Healthy().Count(nodes.Output) == Box.Nodes.Count;
        },
        TimeSpan.FromMinutes(2),
        async () => (await RunAsync("node", "list")).ToString());

    public async ValueTask DisposeAsync()
    {
        await Box.DisposeAsync();
        _operator.Dispose();
    }

    // The file, the units, podman's own socket: what `mcp agent install` will do one day.
    private static async Task PrepareAsync(BoxNode node)
    {
        (await node.RunAsync("install", "-d", "-m", "0700", "/srv/mcp")).OrThrow();
        await node.CopyInAsync(PublishedBinary.Path, "/srv/mcp/mcp");
        await node.CopyInAsync(Repository.PathOf("systemd/mcp-agent.service"), "/etc/systemd/system/mcp-agent.service");
        (await node.RunAsync("sh", "-c", "ln -s /srv/mcp/mcp /usr/local/bin/mcp && systemctl daemon-reload && systemctl enable -q --now podman.socket")).OrThrow();
        await node.LoadImageAsync(TestPodman.BusyboxImage);
    }

    private async Task StartMasterAsync()
    {
        var node = Box[MasterNode];
        (await node.RunAsync("install", "-d", "-m", "0700", "/srv/mcp-master")).OrThrow();
        await node.CopyInAsync(PublishedBinary.Path, "/srv/mcp-master/mcp");
        await node.CopyInAsync(Repository.PathOf("systemd/mcp-master.service"), "/etc/systemd/system/mcp-master.service");
        var created = (await node.RunAsync("mcp", "master", "init", "--domain", "fleet.test", "--address", MasterAddress)).OrThrow();
        await StartUnitAsync(node, "mcp-master");
        (await RunAsync(["login", MasterAddress], TokenIn(created))).OrThrow();
    }

    private async Task JoinAsync(string name, string role)
    {
        var node = Box[name];
        var invited = (await RunAsync("node", "add", name, "--role", role)).OrThrow();
        using var token = new MemoryStream(Encoding.UTF8.GetBytes(TokenIn(invited)));
        (await node.RunAsync(["mcp", "agent", "join", MasterAddress], token)).OrThrow();
        await StartUnitAsync(node, "mcp-agent");
    }

    private static async Task StartUnitAsync(BoxNode node, string unit)
    {
        var started = await node.RunAsync("systemctl", "enable", "-q", "--now", unit);
        if (started.ExitCode != 0)
            throw new InvalidOperationException($"{unit} on {node.Name}: {started}\n{await node.JournalAsync(unit)}");
    }

    private static string TokenIn(CommandResult result) =>
        Token().Match(result.Output + result.Errors) is { Success: true } match
            ? match.Value + "\n"
            : throw new InvalidOperationException($"no token in what was printed: {result}");

    [GeneratedRegex(@"mcpj1\.\S+")]
    private static partial Regex Token();

    [GeneratedRegex("\"status\": \"healthy\"")]
    private static partial Regex Healthy();
}
