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
    /// <param name="node">-n, with --direct: only this node (default: all that this machine knows)</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("history")]
    public async Task History([Argument] string service, bool direct = false, string? node = null, bool json = false, CancellationToken cancel = default)
    {
        using var reader = await FleetReader.OpenAsync(context, direct, node, cancel);
        var name = ServiceTarget.Parse(service).Service;
        var found = reader.Master is { } master
            ? FromMaster(name, await master.Master.HistoryAsync(new HistoryRequest { ServiceName = name }, cancellationToken: cancel))
            : FromAgents(name, await reader.AskAsync(async (agent, ct) => await agent.HistoryAsync(new AgentHistoryRequest { Service = name }, cancellationToken: ct), cancel));
        reader.Master?.Seen?.Remember([KeyValuePair.Create(name, found.Current)]);
        if (reader.Master is null && node is not null)
            reader.Any.RememberDirect(name, found.Current);
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
        reader.WarnOfSilent();
    }

    private static HistoryDocument FromMaster(string name, HistoryResponse r) => new(name, r.Current, [.. r.Generations.Select(g => g.ToDocument())]);

    private static HistoryDocument FromAgents(string name, IReadOnlyList<AgentHistoryResponse> all)
    {
        var generations = all.SelectMany(r => r.Generations).ToList();
        return new(name, generations.Select(g => g.Generation).DefaultIfEmpty().Max(), [.. generations.Select(g => g.ToDocument())]);
    }

    private static string Short(string digest)
    {
        var hex = digest[(digest.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return hex.Length > 12 ? hex[..12] : hex;
    }
}
