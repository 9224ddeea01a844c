using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Starts a stopped service and wishes it running.</summary>
internal sealed class StartCommand(CommandContext context)
{
    /// <summary>Starts a stopped service as it was deployed; active = true is set in its file.</summary>
    /// <param name="service">service[/component]: what to start</param>
    /// <param name="breakHold">although a migration holds the service; only in an emergency</param>
    /// <param name="direct">talk to the agent, not the master</param>
    /// <param name="node">-n, with --direct: the node</param>
    /// <param name="cancel">Ctrl-C lets go; the start runs on.</param>
    [Command("start")]
    public async Task<int> Start([Argument] string service, bool breakHold = false, bool direct = false, string? node = null, CancellationToken cancel = default)
    {
        var target = ServiceTarget.Parse(service);
        using var link = await FleetLink.OpenAsync(context, direct, node, cancel);
        var run = new LifecycleRun(context, link, target);
        var code = link.ToAgent
            ? await run.ThroughAgentAsync("start", "is running", o => link.Agent.StartServiceAsync(new StartServiceRequest { Service = target.Service, Component = target.Component, BreakHold = breakHold }, o), cancel)
            : await run.ThroughMasterAsync("start", "is running", o => link.Master.StartAsync(new LifecycleRequest { ServiceName = target.Service, Component = target.Component, BreakHold = breakHold }, o), cancel);
        if (code == ExitCode.Done)
            run.WriteActive(true);
        return code;
    }
}
