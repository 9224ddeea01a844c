using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Stops a service and wishes it stopped.</summary>
internal sealed class StopCommand(CommandContext context)
{
    /// <summary>Stops a service; it stays stopped, over restarts of its node too, and active = false is set in its file.</summary>
    /// <param name="service">service[/component]: what to stop</param>
    /// <param name="force">kill what does not stop in its grace period</param>
    /// <param name="direct">talk to the agent, not the master</param>
    /// <param name="node">-n, with --direct: the node</param>
    /// <param name="cancel">Ctrl-C lets go; the stop runs on.</param>
    [Command("stop")]
    public async Task<int> Stop([Argument] string service, bool force = false, bool direct = false, string? node = null, CancellationToken cancel = default)
    {
        var target = ServiceTarget.Parse(service);
        using var link = await FleetLink.OpenAsync(context, direct, node, cancel);
        var run = new LifecycleRun(context, link, target);
        var code = link.ToAgent
            ? await run.ThroughAgentAsync("stop", "is stopped", o => link.Agent.StopServiceAsync(new StopServiceRequest { Service = target.Service, Component = target.Component, Force = force }, o), cancel)
            : await run.ThroughMasterAsync("stop", "is stopped", o => link.Master.StopAsync(new LifecycleRequest { ServiceName = target.Service, Component = target.Component, Force = force }, o), cancel);
        if (code == ExitCode.Done)
            run.WriteActive(false);
        return code;
    }
}
