using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>What runs now, asked from every node at this moment.</summary>
internal sealed class PsCommand(CommandContext context)
{
    /// <summary>Shows the containers that run now, as every node sees them.</summary>
    /// <param name="service">service: only this one</param>
    /// <param name="node">-n, only this node</param>
    /// <param name="direct">ask the agent, not the master</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("ps")]
    public async Task Ps([Argument] string? service = null, string? node = null, bool direct = false, bool json = false, CancellationToken cancel = default)
    {
        using var reader = await FleetReader.OpenAsync(context, direct, direct ? node : null, cancel);
        var found = reader.Master is { } master ? await AskMasterAsync(master, service, node, cancel) : await AskAgentsAsync(reader, service, cancel);
        if (json)
        {
            context.Screen.Json(found, CliJson.Default.PsDocument);
            return;
        }
        var listing = new Listing("SERVICE", "COMPONENT", "NODE", "STATE", "SINCE", "GEN", "PORTS", "IMAGE");
        foreach (var c in found.Containers)
        {
            listing.Add(
                c.Service, c.Component, c.Node, State(c), c.State == "running" ? Measures.Ago(c.Started, context.Clock) : "", (long)c.Generation,
                string.Join(", ", c.Ports.Select(Port)), c.Image);
        }
        context.Screen.Table(listing, service is null ? "no containers" : $"no containers of {service}; mcp list shows what is registered");
        foreach (var silent in found.Silent)
        {
            var services = silent.Services.Count > 0 ? $"; unknown: {string.Join(", ", silent.Services)}" : "";
            context.Reporter.Warning($"node {silent.Node} could not be asked: {silent.Error}{services}");
        }
    }

    private static async Task<PsDocument> AskMasterAsync(FleetLink link, string? service, string? node, CancellationToken cancel)
    {
        var answer = await link.Master.PsAsync(new PsRequest { ServiceName = service ?? "", Node = node ?? "" }, cancellationToken: cancel);
        return new PsDocument(
            [.. answer.Containers.Select(c => c.Container.ToDocument(c.Node))],
            [.. answer.Silent.Select(s => new SilentNodeDocument(s.Node, s.Error, [.. s.Services]))]);
    }

    private static async Task<PsDocument> AskAgentsAsync(FleetReader reader, string? service, CancellationToken cancel)
    {
        var answers = await reader.AskAsync(
            async (agent, ct) =>
            {
                var name = (await agent.NodeStatusAsync(new NodeStatusRequest(), cancellationToken: ct)).Name;
                return (await agent.LiveCheckAsync(new LiveCheckRequest { Service = service ?? "" }, cancellationToken: ct)).Containers.Select(c => c.ToDocument(name));
            },
            cancel);
        return new PsDocument([.. answers.SelectMany(a => a).OrderBy(c => c.Service, StringComparer.Ordinal)], reader.Silent);
    }

    private static Cell State(ContainerDocument c) =>
        c.Health == "unhealthy" ? new Cell("unhealthy", Tone.Bad)
        : c.State == "exited" ? new Cell($"exited ({c.ExitCode})", Tone.Bad)
        : c.Drift ? new Cell($"{c.State}, drifted", Tone.Warning)
        : Cell.State(c.State);

    private static string Port(PortDocument p) => $"{p.HostIp}:{p.HostPort}->{p.ContainerPort}";
}
