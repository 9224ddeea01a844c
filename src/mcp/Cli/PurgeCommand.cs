using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Lets nodes forget what is long gone.</summary>
internal sealed class PurgeCommand(CommandContext context)
{
    /// <summary>Removes registry rows of services that neither run nor are defined; refuses what runs. Containers, images and data are not touched.</summary>
    /// <param name="service">service[/component]: only this (default: whatever can be purged)</param>
    /// <param name="dryRun">only say what would be removed</param>
    /// <param name="direct">talk to the agent, not the master</param>
    /// <param name="node">-n, only on this node; with --direct the node</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("purge")]
    public async Task Purge([Argument] string? service = null, bool dryRun = false, bool direct = false, string? node = null, CancellationToken cancel = default)
    {
        var target = service is null ? null : ServiceTarget.Parse(service);
        using var link = await FleetLink.OpenAsync(context, direct, direct ? node : null, cancel);
        var answer = link.ToAgent ? await AskAgentAsync(link, target, dryRun, cancel) : await link.Master.PurgeAsync(
            new PurgeRequest { ServiceName = target?.Service ?? "", Component = target?.Component ?? "", DryRun = dryRun, Node = node ?? "" }, context.NewHeaders(), cancellationToken: cancel);
        foreach (var row in answer.Purged)
            context.Screen.Line($"{row} {(dryRun ? "would be removed" : "is removed")} from the registry");
        foreach (var silent in answer.Silent)
            context.Reporter.Warning($"node {silent} could not be asked");
        if (answer.Purged.Count == 0)
            context.Reporter.Note("there is nothing to purge");
    }

    private async Task<PurgeResponse> AskAgentAsync(FleetLink link, ServiceTarget? target, bool dryRun, CancellationToken cancel)
    {
        var there = (await link.Agent.NodeStatusAsync(new NodeStatusRequest(), cancellationToken: cancel)).Name;
        var services = target is not null ? [target.Service] : (await link.Agent.ListServicesAsync(new ListServicesRequest(), cancellationToken: cancel)).Services.Select(s => s.Spec.Name).ToList();
        var all = new PurgeResponse();
        foreach (var service in services)
        {
            try
            {
                var request = new PurgeComponentRequest { Service = service, Component = target?.Component ?? "", DryRun = dryRun };
                all.Purged.AddRange((await link.Agent.PurgeComponentAsync(request, context.NewHeaders(), cancellationToken: cancel)).Purged.Select(p => $"{there}: {p}"));
            }
            catch (McpException e) when (target is null && e.Code == FaultCode.FailedPrecondition)
            {
                // It runs, or should: asked for everything, that is what stays.
            }
        }
        return all;
    }
}
