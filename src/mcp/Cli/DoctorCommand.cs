using ConsoleAppFramework;
using Mcp.Agent.Configuration;
using Mcp.Cli.Doctor;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.Master.Configuration;
using Mcp.Text;

namespace Mcp.Cli;

/// <summary>What is wrong with this machine, and what to type.</summary>
internal sealed class DoctorCommand(CommandContext context)
{
    /// <summary>Looks at this machine, an operator's or a node, and says what is wrong with it and what to type; changes nothing.</summary>
    /// <param name="node">also look at what a node needs, on a machine that has not joined yet</param>
    /// <param name="agentConfig">the agent's configuration</param>
    /// <param name="masterConfig">the master's configuration</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("doctor")]
    public async Task<int> Doctor(
        bool node = false, string agentConfig = AgentConfigurationReader.DefaultPath, string masterConfig = MasterConfigurationReader.DefaultPath,
        bool json = false, CancellationToken cancel = default)
    {
        var scene = DoctorScene.Read(context, agentConfig, masterConfig, node);
        var lines = await DoctorRun.RunAsync(scene, DoctorRun.All, DoctorRun.Limit, cancel);
        var counts = Enum.GetValues<Verdict>().ToDictionary(v => v, v => lines.Count(l => l.Verdict == v));
        if (json)
        {
            context.Screen.Json(new DoctorDocument(
                [.. lines.Select(l => new DoctorLineDocument(l.Check, Word(l.Verdict), Printable.Line(l.Message), Printable.Line(l.Remedy ?? "")))],
                counts[Verdict.Ok], counts[Verdict.Warning], counts[Verdict.Error]), CliJson.Default.DoctorDocument);
        }
        else
        {
            foreach (var line in lines)
                Print(line);
            context.Screen.Line($"{counts[Verdict.Ok]} ok, {Count(counts[Verdict.Warning], "warning")}, {Count(counts[Verdict.Error], "error")}");
        }
        return counts[Verdict.Error] > 0 ? ExitCode.Error : ExitCode.Done;
    }

    private void Print(DoctorLine line)
    {
        context.Screen.Line(Word(line.Verdict).PadRight(9) + line.Check.PadRight(14) + line.Message, line.Verdict switch { Verdict.Ok => Tone.Good, Verdict.Warning => Tone.Warning, _ => Tone.Bad });
        if (line.Remedy is { } remedy)
            context.Screen.Line(new string(' ', 23) + "next: " + remedy);
    }

    private static string Count(int number, string what) => $"{number} {what}{(number == 1 ? "" : "s")}";

    private static string Word(Verdict verdict) => verdict switch { Verdict.Ok => "ok", Verdict.Warning => "warning", _ => "error" };
}
