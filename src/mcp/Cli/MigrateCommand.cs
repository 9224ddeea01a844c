using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Moves services with their data, and back.</summary>
internal sealed class MigrateCommand(CommandContext context)
{
    /// <summary>Moves a service with its data to another node; shows the plan, asks, and puts everything back if it fails.</summary>
    /// <param name="service">service: which; left out with --all</param>
    /// <param name="to">the node that gets it</param>
    /// <param name="all">every service of the node --from, one after another; core services stay</param>
    /// <param name="from">with --all: the node that is emptied</param>
    /// <param name="dryRun">only the plan</param>
    /// <param name="acceptSkipped">although some entries cannot be archived and stay behind; the plan names them</param>
    /// <param name="force">data that lies in its place on the target goes aside</param>
    /// <param name="forceStop">kill what does not end when it is told to; what it had only in memory is lost</param>
    /// <param name="fromSnapshot">the source is dead: restore a snapshot on the target; needs --source-dead</param>
    /// <param name="snapshot">with --from-snapshot: this one, by its id (default: the newest)</param>
    /// <param name="sourceDead">the dead node's name</param>
    /// <param name="acceptPartial">with --from-snapshot: although the snapshot left files out</param>
    /// <param name="file">-f, the definition whose node line follows (default: the service's in the services folder)</param>
    /// <param name="yes">-y, do not ask; needed where there is no terminal</param>
    /// <param name="confirm">the dead node's name again, where there is no terminal to type it on</param>
    /// <param name="json">with --dry-run: print JSON</param>
    /// <param name="cancel">Ctrl-C lets go of the migration; it runs on.</param>
    [Command("migrate")]
    public Task<int> Migrate(
        [Argument] string? service = null, string? to = null, bool all = false, string? from = null, bool dryRun = false, bool acceptSkipped = false, bool force = false, bool forceStop = false,
        bool fromSnapshot = false, string? snapshot = null, string? sourceDead = null, bool acceptPartial = false, string? file = null, bool yes = false, string? confirm = null, bool json = false,
        CancellationToken cancel = default)
    {
        if (all == service is not null)
            throw new McpException(FaultCode.InvalidArgument, all ? "--all takes every service of a node, so it goes with no name" : "which service?") { Hint = "mcp migrate <service> --to <node>; mcp migrate --all --from <node> --to <node>" };
        if (to is null || all == from is null)
            throw new McpException(FaultCode.InvalidArgument, to is null ? "to which node?" : all ? "from which node?" : "--from goes with --all") { Hint = all ? "mcp migrate --all --from <node> --to <node>" : $"mcp migrate {service} --to <node>" };
        if (fromSnapshot == sourceDead is null)
        {
            throw new McpException(FaultCode.InvalidArgument, fromSnapshot ? "a snapshot is older than the data; it is taken only where the node with the data is dead" : "--source-dead goes with --from-snapshot")
            {
                Hint = $"mcp migrate {service} --to {to} --from-snapshot --source-dead <node>",
            };
        }
        var request = new MigrateRequest
        {
            ServiceName = service is null ? "" : ServiceTarget.Parse(service).Service,
            TargetNode = to,
            All = all,
            SourceNode = from ?? sourceDead ?? "",
            Force = force,
            ForceStop = forceStop,
            AcceptSkipped = acceptSkipped,
            FromSnapshot = fromSnapshot,
            Snapshot = snapshot ?? "",
            SourceDead = sourceDead is not null,
            AcceptPartial = acceptPartial,
        };
        var again = all ? $"mcp migrate --all --from {from} --to {to}" : $"mcp migrate {service} --to {to}{(fromSnapshot ? $" --from-snapshot --source-dead {sourceDead}" : "")}{(acceptSkipped ? " --accept-skipped" : "")}";
        return new MigrationCall(context, request, again) { File = file, Yes = yes, Confirm = confirm, Json = json }.RunAsync(dryRun, cancel);
    }

    /// <summary>Moves a service back where a migration took it from: with its current data, or to the copy that was kept.</summary>
    /// <param name="migration">migration: its id, see mcp migrate list</param>
    /// <param name="discardSince">give up what was written since; back to the copy that was kept on the old node</param>
    /// <param name="dryRun">only the plan</param>
    /// <param name="acceptSkipped">although some entries cannot be archived and stay behind; the plan names them</param>
    /// <param name="force">data that lies in its place on the target goes aside</param>
    /// <param name="forceStop">kill what does not end when it is told to</param>
    /// <param name="file">-f, the definition whose node line follows (default: the service's in the services folder)</param>
    /// <param name="yes">-y, do not ask; needed where there is no terminal</param>
    /// <param name="confirm">with --discard-since: the service's name again, where there is no terminal to type it on</param>
    /// <param name="json">with --dry-run: print JSON</param>
    /// <param name="cancel">Ctrl-C lets go of the migration; it runs on.</param>
    [Command("migrate undo")]
    public Task<int> Undo(
        [Argument] string migration, bool discardSince = false, bool dryRun = false, bool acceptSkipped = false, bool force = false, bool forceStop = false, string? file = null, bool yes = false, string? confirm = null,
        bool json = false, CancellationToken cancel = default)
    {
        var request = new MigrateRequest { Undo = migration, DiscardSince = discardSince, AcceptSkipped = acceptSkipped, Force = force, ForceStop = forceStop };
        var again = $"mcp migrate undo {migration}{(discardSince ? " --discard-since" : "")}{(acceptSkipped ? " --accept-skipped" : "")}";
        return new MigrationCall(context, request, again) { File = file, Yes = yes, Confirm = confirm, Json = json }.RunAsync(dryRun, cancel);
    }

    /// <summary>Lists migrations, the newest first, with the ids that undo and watch take.</summary>
    /// <param name="service">service: only this one's</param>
    /// <param name="limit">-n, at most so many</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("migrate list")]
    public async Task List([Argument] string? service = null, uint limit = 20, bool json = false, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        var request = new ListOperationsRequest { ServiceName = service ?? "", Limit = 1000 };
        var found = (await link.Master.ListOperationsAsync(request, cancellationToken: cancel)).Operations.Where(o => o.Kind == "migrate").Take((int)limit).ToList();
        new MigrationReport(context).List(found, json);
    }
}
