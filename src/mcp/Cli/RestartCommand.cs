using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Stops and starts a service's containers.</summary>
internal sealed class RestartCommand(CommandContext context)
{
    /// <summary>Stops and starts the containers of a service; nothing else changes.</summary>
    /// <param name="service">service[/component]: what to restart</param>
    /// <param name="direct">talk to the agent, not the master</param>
    /// <param name="node">-n, with --direct: the node</param>
    /// <param name="cancel">Ctrl-C lets go; the restart runs on.</param>
    [Command("restart")]
    public async Task<int> Restart([Argument] string service, bool direct = false, string? node = null, CancellationToken cancel = default)
    {
        var target = ServiceTarget.Parse(service);
        using var link = await FleetLink.OpenAsync(context, direct, node, cancel);
        var run = new LifecycleRun(context, link, target);
        return link.ToAgent
            ? await run.ThroughAgentAsync("restart", "was restarted", o => link.Agent.RestartServiceAsync(new RestartServiceRequest { Service = target.Service, Component = target.Component }, o), cancel)
            : await run.ThroughMasterAsync("restart", "was restarted", o => link.Master.RestartAsync(new LifecycleRequest { ServiceName = target.Service, Component = target.Component }, o), cancel);
    }
}
