using ConsoleAppFramework;
using Mcp.Cli.Configuration;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Puts a service on a node.</summary>
internal sealed class DeployCommand(CommandContext context)
{
    /// <summary>Puts a service, as its definition says, on a node, or brings a running one up to its definition.</summary>
    /// <param name="service">service[/component]: what to deploy</param>
    /// <param name="file">-f, the definition (default: the service's file in the folder of definitions)</param>
    /// <param name="pull">resolve image tags anew; otherwise images stay pinned as first resolved</param>
    /// <param name="fresh">start with empty data on purpose, although the data is elsewhere or gone</param>
    /// <param name="overwrite">although somebody else deployed since you last looked</param>
    /// <param name="withoutRoutes">in an emergency: the containers only, no certificates and no routes</param>
    /// <param name="direct">talk to the agent, not the master; for when the master is down</param>
    /// <param name="node">-n, with --direct: the node</param>
    /// <param name="cancel">Ctrl-C lets go of the deployment; it runs on.</param>
    [Command("deploy")]
    public async Task<int> Deploy(
        [Argument] string service, string? file = null, bool pull = false, bool fresh = false, bool overwrite = false, bool withoutRoutes = false,
        bool direct = false, string? node = null, CancellationToken cancel = default)
    {
        var target = ServiceTarget.Parse(service);

        // A definition with mistakes is refused before anybody is called.
        var spec = file is null ? null : ServiceFiles.Load(file, target.Service, context.Reporter);
        if (spec is null && ConfigurationFolder.Find(context) is { Exists: true } folder)
            spec = ServiceFiles.Load(ServiceFiles.PathOf(CliConfigurationReader.Read(folder), target.Service), target.Service, context.Reporter);

        using var link = await FleetLink.OpenAsync(context, direct, node, cancel);
        spec ??= ServiceFiles.Load(ServiceFiles.PathOf(link.Configuration, target.Service), target.Service, context.Reporter);

        DeployResponse outcome;
        if (link.ToAgent)
        {
            var request = new AgentDeployRequest
            {
                Spec = spec,
                SpecHash = Definitions.SpecHash.OfService(spec),
                Component = target.Component,
                SeenGeneration = link.SeenOf(target.Service),
                Overwrite = overwrite || link.Configuration is null,
                Pull = pull,
                Fresh = fresh,
                WithoutRoutes = withoutRoutes,
            };
            outcome = await new DirectDeploy(context, link).RunAsync(request, cancel);
            link.RememberDirect(target.Service, outcome.Generation);
        }
        else
        {
            var request = new DeployRequest
            {
                Service = spec,
                Component = target.Component,
                SeenGeneration = link.Seen?.Of(target.Service) ?? 0,
                Overwrite = overwrite || link.Seen is null,
                Pull = pull,
                Fresh = fresh,
                WithoutRoutes = withoutRoutes,
            };
            var run = new OperationRun(context, link, $"deploy of {target}", summaryFollows: true);
            outcome = await run.CallAsync(options => link.Master.DeployAsync(request, options), cancel);
            if (outcome.Generation > 0)
                link.Seen?.Remember([KeyValuePair.Create(target.Service, outcome.Generation)]);
        }
        return new DeployReport(context).Print(target, outcome);
    }
}
