using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>What is registered: what the fleet believes should be there.</summary>
internal sealed class ListCommand(CommandContext context)
{
    /// <summary>Lists the registered services: where each belongs and in which generation.</summary>
    /// <param name="direct">ask the agent, not the master</param>
    /// <param name="node">-n, with --direct: only this node (default: all that this machine knows)</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("list")]
    public async Task List(bool direct = false, string? node = null, bool json = false, CancellationToken cancel = default)
    {
        using var reader = await FleetReader.OpenAsync(context, direct, node, cancel);
        var found = reader.Master is { } master ? await AskMasterAsync(master, cancel) : await AskAgentsAsync(reader, cancel);
        reader.Master?.Seen?.Remember(found.Services.Select(s => KeyValuePair.Create(s.Name, s.Generation)));
        if (json)
        {
            context.Screen.Json(found, CliJson.Default.ListDocument);
            return;
        }
        var listing = new Listing("SERVICE", "NODE", "TIER", "STATE", "WANTED", "GEN", "COMPONENTS", "DEPLOYED", "BY");
        foreach (var s in found.Services)
        {
            listing.Add(
                s.Name, s.Pinned.Length > 0 ? $"{s.Node} (pinned)" : s.Node, s.Tier, Cell.State(s.State), s.Active ? "running" : "stopped", (long)s.Generation,
                s.Components, Measures.Ago(s.DeployedAt, context.Clock), s.DeployedBy);
        }
        context.Screen.Table(listing, "no services yet; mcp service new <service>, then mcp deploy <service>");
        reader.WarnOfSilent();
    }

    private static async Task<ListDocument> AskMasterAsync(FleetLink link, CancellationToken cancel)
    {
        var answer = await link.Master.ListAsync(new ListRequest(), cancellationToken: cancel);
        return new ListDocument([.. answer.Services.Select(s => s.ToDocument())], []);
    }

    private static async Task<ListDocument> AskAgentsAsync(FleetReader reader, CancellationToken cancel)
    {
        var answers = await reader.AskAsync(async (agent, ct) => (await agent.ListServicesAsync(new ListServicesRequest(), cancellationToken: ct)).Services, cancel);
        return new ListDocument([.. answers.SelectMany(a => a).OrderBy(s => s.Spec.Name, StringComparer.Ordinal).Select(s => new ListedServiceDocument(
            s.Spec.Name, s.Status.Node, s.Spec.Tier, "placed", s.Status.DesiredRunning, s.Status.Generation, (uint)s.Spec.Components.Count, s.Spec.Node,
            s.Status.Epoch, s.DeployedAt, s.DeployedBy, s.Status.SpecHash))], reader.Silent);
    }
}
