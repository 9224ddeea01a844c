using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Deploys an earlier generation again.</summary>
internal sealed class RollbackCommand(CommandContext context)
{
    /// <summary>Deploys an earlier generation of a service again, as a new generation; its data does not go back.</summary>
    /// <param name="service">service: which</param>
    /// <param name="generation">generation: as mcp history shows it (default: the one before the current one)</param>
    /// <param name="overwrite">although somebody else deployed since you last looked</param>
    /// <param name="cancel">Ctrl-C lets go; the deployment runs on.</param>
    [Command("rollback")]
    public async Task<int> Rollback([Argument] string service, [Argument] ulong? generation = null, bool overwrite = false, CancellationToken cancel = default)
    {
        var target = ServiceTarget.Parse(service);
        using var link = await FleetLink.OpenAsync(context, cancel);
        context.Reporter.Warning("a rollback takes the containers back, not the data: what the newer version wrote stays as it wrote it");

        var request = new RollbackRequest { ServiceName = target.Service, Generation = generation ?? 0, SeenGeneration = link.Seen?.Of(target.Service) ?? 0, Overwrite = overwrite || link.Seen is null };
        var outcome = await new OperationRun(context, link, $"rollback of {target}", summaryFollows: true).CallAsync(o => link.Master.RollbackAsync(request, o), cancel);
        if (outcome.Generation > 0)
            link.Seen?.Remember([KeyValuePair.Create(target.Service, outcome.Generation)]);
        var code = new DeployReport(context).Print(target, outcome);
        if (code == ExitCode.Done && link.Configuration is not null)
            context.Reporter.Note($"the definition on this machine still says the newer version; to make it say what runs: mcp service export {target.Service}");
        return code;
    }
}
