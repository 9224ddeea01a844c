using System.Text;
using System.Text.RegularExpressions;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>
/// A fleet as an operator sets it up by hand, with the very lines of README.md: on each bare node the one file and the units are there, and what
/// <see cref="ReadmeExample"/> says is typed; this machine is logged in from outside. The master is the node <c>m</c>, with an agent of its own.
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

    /// <summary>The operator's configuration.</summary>
    public string ConfigurationFolder => _operator.PathOf("config");

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
            Environment,
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

    /// <summary>Types a line of README.md on the operator's machine, where <c>mcp</c> is on PATH.</summary>
    public async Task<CommandResult> TypeAsync(string line, string? input = null)
    {
        var programs = Directory.CreateDirectory(_operator.PathOf("bin")).FullName;
        if (!File.Exists(Path.Combine(programs, "mcp")))
            File.CreateSymbolicLink(Path.Combine(programs, "mcp"), PublishedBinary.Path);
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(input ?? ""));
        return await Shell.RunAsync("sh", ["-c", line], new Dictionary<string, string?>(Environment) { ["PATH"] = $"{programs}:{System.Environment.GetEnvironmentVariable("PATH")}" }, stream);
    }

    // What the example takes for granted: the one file and the units in the folder where one types.
    private static async Task PrepareAsync(BoxNode node)
    {
        (await node.RunAsync("mkdir", "-p", "/root/systemd")).OrThrow();
        await node.CopyInAsync(PublishedBinary.Path, "/root/mcp");
        foreach (var unit in new[] { "mcp-agent.service", "mcp-master.service" })
            await node.CopyInAsync(Repository.PathOf($"systemd/{unit}"), $"/root/systemd/{unit}");
        await node.LoadImageAsync(TestPodman.BusyboxImage);
    }

    private async Task StartMasterAsync()
    {
        var printed = await TypeOnAsync(Box[MasterNode], ReadmeExample.OnTheMaster, null);
        (await TypeAsync(Adapted(ReadmeExample.OnYourMachine[0]), TokenIn(printed))).OrThrow();
    }

    private async Task JoinAsync(string name, string role)
    {
        var invited = (await TypeAsync(Adapted(ReadmeExample.OnYourMachine[1]).Replace("orion --role worker", $"{name} --role {role}", StringComparison.Ordinal))).OrThrow();
        await TypeOnAsync(Box[name], ReadmeExample.OnTheNode, TokenIn(invited));
    }

    private async Task<CommandResult> TypeOnAsync(BoxNode node, IReadOnlyList<string> lines, string? token)
    {
        var printed = new StringBuilder();
        foreach (var line in lines)
        {
            // Only the one that asks for a token gets it.
            using var input = line.Contains("agent join", StringComparison.Ordinal) ? new MemoryStream(Encoding.UTF8.GetBytes(token!)) : null;
            var result = await node.RunAsync(["sh", "-c", $"cd /root && {Adapted(line)}"], input);
            if (result.ExitCode != 0)
                throw new InvalidOperationException($"README.md on {node.Name}: {result}\n{await node.JournalAsync("mcp-master")}\n{await node.JournalAsync("mcp-agent")}");
            printed.Append(result.Output).Append(result.Errors);
        }
        return new CommandResult($"README.md on {node.Name}", 0, printed.ToString(), "");
    }

    private string Adapted(string line) => line.Replace("10.0.0.1:9555", MasterAddress, StringComparison.Ordinal);

    private IReadOnlyDictionary<string, string?> Environment =>
        new Dictionary<string, string?> { ["MCP_CONFIG_DIR"] = ConfigurationFolder, ["MCP_FLEET"] = null, ["NO_COLOR"] = "1" };

    private static string TokenIn(CommandResult result) =>
        Token().Match(result.Output + result.Errors) is { Success: true } match
            ? match.Value + "\n"
            : throw new InvalidOperationException($"no token in what was printed: {result}");

    [GeneratedRegex(@"mcpj1\.\S+")]
    private static partial Regex Token();

    [GeneratedRegex("\"status\": \"healthy\"")]
    private static partial Regex Healthy();
}
