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
    /// <param name="node">-n, with --direct: the node to ask</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("list")]
    public async Task List(bool direct = false, string? node = null, bool json = false, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, direct, node, cancel);
        var found = link.ToAgent ? await AskAgentAsync(link, cancel) : await AskMasterAsync(link, cancel);
        link.Seen?.Remember(found.Services.Select(s => KeyValuePair.Create(s.Name, s.Generation)));
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
    }

    private static async Task<ListDocument> AskMasterAsync(FleetLink link, CancellationToken cancel)
    {
        var answer = await link.Master.ListAsync(new ListRequest(), cancellationToken: cancel);
        return new ListDocument([.. answer.Services.Select(s => s.ToDocument())]);
    }

    private static async Task<ListDocument> AskAgentAsync(FleetLink link, CancellationToken cancel)
    {
        var answer = await link.Agent.ListServicesAsync(new ListServicesRequest(), cancellationToken: cancel);
        return new ListDocument([.. answer.Services.Select(s => new ListedServiceDocument(
            s.Spec.Name, s.Status.Node, s.Spec.Tier, "placed", s.Status.DesiredRunning, s.Status.Generation, (uint)s.Spec.Components.Count, s.Spec.Node,
            s.Status.Epoch, s.DeployedAt, s.DeployedBy, s.Status.SpecHash))]);
    }
}
