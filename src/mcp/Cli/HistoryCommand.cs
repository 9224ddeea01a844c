using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>The last generations of a service: what was deployed, when, by whom.</summary>
internal sealed class HistoryCommand(CommandContext context)
{
    /// <summary>Lists the last generations of a service: when, by whom, which images.</summary>
    /// <param name="service">service: whose</param>
    /// <param name="direct">ask the agent, not the master</param>
    /// <param name="node">-n, with --direct: the node to ask</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("history")]
    public async Task History([Argument] string service, bool direct = false, string? node = null, bool json = false, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, direct, node, cancel);
        var name = ServiceTarget.Parse(service).Service;
        var found = link.ToAgent
            ? FromAgent(name, await link.Agent.HistoryAsync(new AgentHistoryRequest { Service = name }, cancellationToken: cancel))
            : FromMaster(name, await link.Master.HistoryAsync(new HistoryRequest { ServiceName = name }, cancellationToken: cancel));
        link.Seen?.Remember([KeyValuePair.Create(name, found.Current)]);
        if (json)
        {
            context.Screen.Json(found, CliJson.Default.HistoryDocument);
            return;
        }
        var listing = new Listing("GEN", "", "DEPLOYED", "BY", "NODE", "IMAGES");
        foreach (var g in found.Generations.OrderByDescending(g => g.Generation))
        {
            listing.Add(
                (long)g.Generation, g.Generation == found.Current ? new Cell("current", Tone.Good) : new Cell(" "), Measures.Ago(g.At, context.Clock), g.By, g.Node,
                string.Join(", ", g.Images.Select(i => $"{i.Reference} ({Short(i.Digest)})")));
        }
        context.Screen.Table(listing, $"{name} was never deployed");
    }

    private static HistoryDocument FromMaster(string name, HistoryResponse r) => new(name, r.Current, [.. r.Generations.Select(g => g.ToDocument())]);

    private static HistoryDocument FromAgent(string name, AgentHistoryResponse r) =>
        new(name, r.Generations.Select(g => g.Generation).DefaultIfEmpty().Max(), [.. r.Generations.Select(g => g.ToDocument())]);

    private static string Short(string digest)
    {
        var hex = digest[(digest.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return hex.Length > 12 ? hex[..12] : hex;
    }
}
