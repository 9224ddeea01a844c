using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;

namespace Mcp.Cli;

/// <summary>Shows what a sync would do, and does nothing.</summary>
internal sealed class PlanCommand(CommandContext context)
{
    /// <summary>Shows the difference between the folder of definitions and the fleet; exits 2 when there is something to do.</summary>
    /// <param name="services">service...: only these; by default the whole folder, and what it lacks would be removed</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("plan")]
    public async Task<int> Plan(CancellationToken cancel, bool json = false, [Argument] params string[] services)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        var plan = await new PlanCall(context, link, services).MakeAsync(expected: "", overwrite: false, cancel);
        if (json)
            context.Screen.Json(plan.ToDocument(link.Fleet), CliJson.Default.PlanDocument);
        else
            new PlanReport(context).Print(plan, link.Fleet);
        return plan.Changes > 0 ? ExitCode.Changes : ExitCode.Done;
    }
}
