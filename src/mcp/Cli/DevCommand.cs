using ConsoleAppFramework;
using Mcp.Cli.Dev;

namespace Mcp.Cli;

/// <summary>A whole fleet of one node on this machine, to try everything with.</summary>
internal sealed class DevCommand(CommandContext context)
{
    /// <summary>Runs a whole one-node fleet on this machine, under one folder, until Ctrl-C; containers keep running.</summary>
    /// <param name="dir">its folder (default: ~/mcp-dev)</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("dev")]
    public async Task<int> Dev(string? dir = null, CancellationToken cancel = default)
    {
        var root = Path.GetFullPath(dir ?? Path.Combine(context.Variable("HOME") ?? "/root", "mcp-dev"));
        using var layout = DevLayout.Open(root);
        await using var fleet = new DevFleet(context, layout);

        await fleet.StartMasterAsync(cancel);
        await fleet.JoinNodeAsync(cancel);
        await fleet.LogInAsync(cancel);
        await fleet.StartAgentAsync(cancel);
        var demo = await DemoService.PrepareAsync(context, layout, cancel);
        fleet.FinishLogIn();

        Welcome(layout, fleet, demo);
        using var resting = new RestingMemory(context.Clock);
        await Task.Delay(Timeout.Infinite, cancel).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        context.Reporter.Note("ending; containers keep running");
        return ExitCode.Done;
    }

    private void Welcome(DevLayout layout, DevFleet fleet, bool demo)
    {
        var mcp = ProgramName();
        var screen = context.Screen;
        screen.Line($"The fleet is up: one node, '{DevFleet.Node}'{(fleet.FirstStart ? "" : ", with what it had before")}. Everything is in {layout.Root}.");
        screen.Line("In another terminal:");
        screen.Line();
        screen.Line($"  export MCP_CONFIG_DIR={Quoted(layout.CliFolder)}");
        if (demo)
        {
            screen.Line($"  {mcp} deploy {DemoService.Name}");
            screen.Line($"  {mcp} status");
            screen.Line($"  {mcp} logs -f {DemoService.Name}");
        }
        else
        {
            screen.Line($"  {mcp} service new notes --image <image> --port <port>");
            screen.Line($"  {mcp} deploy notes");
            screen.Line($"  {mcp} status");
        }
        screen.Line();
        screen.Line("Ctrl-C ends it; containers keep running, and the next start finds them again.");
        context.Out.Flush();
    }

    /// <summary>How this file is called from a shell: by its name where the path finds it, else by its place.</summary>
    private string ProgramName()
    {
        var own = Environment.ProcessPath ?? "mcp";
        var first = (context.Variable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "mcp")).FirstOrDefault(File.Exists);
        return Path.GetFileName(own) != "mcp" || first == own ? "mcp" : Quoted(own);
    }

    private static string Quoted(string path) => path.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '-' or '_') ? path : $"'{path.Replace("'", "'\\''")}'";
}
