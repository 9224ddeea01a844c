using Grpc.Core;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.Operations;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Master.Migrations;

/// <summary>
/// Step 1 of a migration: everything that can be found out without stopping anything. First what the rows say (who owns, may it go there), then what the
/// two nodes say: what the data is, what of it would not move, whether the target has room, allows the service, and has or gets its images.
/// </summary>
internal sealed class MigrationPlanner(Database database, AgentLinks links, NodeHealthBoard board, MasterConfiguration configuration, DeadSource dead)
{
    /// <summary>Walking a large folder takes its time; nothing is stopped meanwhile.</summary>
    private static readonly TimeSpan LookLimit = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(10);

    /// <summary>Migrations that are looked through for the rate of a copy.</summary>
    private const int Remembered = 100;

    /// <summary>Plans, or refuses.</summary>
    /// <param name="request">What is wished.</param>
    /// <param name="operation">The id of the operation that it is for.</param>
    /// <param name="by">Who asks.</param>
    /// <param name="scope">Where progress goes; null: a dry run, for which no image is pulled.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="McpException">What is in the way, with the next command; nothing was done.</exception>
    public async Task<MigrationIntent> PlanAsync(MigrateRequest request, string operation, string by, OperationScope? scope, CancellationToken ct)
    {
        var intent = database.Read(connection =>
        {
            var order = MigrationOrder.Of(connection, request);
            var fleet = DeployPlanner.Snapshot(connection, configuration.ScheduleOnMaster, board);
            if (MigrationRules.Nodes(fleet, order.Service, order.Record.Spec?.Tier ?? "", order.Source, order.Target) is { } refused)
                throw refused;
            var planned = order.ToIntent(request);
            planned.Plan.Rate = MigrationRules.Rate(MigrationStore.Newest(connection, Remembered), order.Source, order.Target);
            return planned;
        });
        if (intent.Plan.Mode == "snapshot")
            await dead.PlanAsync(intent, request, scope, ct);
        else
            RequireSource(intent);
        if (intent.Plan.Deployed)
            await RehearseAsync(intent, operation, by, scope, ct);
        await LookAsync(intent, request, ct);
        if (scope is not null && intent.Plan.Mode == "move" && MigrationRules.Skipped(intent.Spec.Name, intent.Plan.Skipped, request.AcceptSkipped) is { } left)
            throw left;
        return intent;
    }

    private void RequireSource(MigrationIntent intent)
    {
        if (board.Of(intent.Source) is not { Health: Placement.NodeHealth.Unhealthy } condition)
            return;
        throw new McpException(FaultCode.FailedPrecondition, $"{intent.Spec.Name} cannot move: its data is on {intent.Source}, which {condition.Detail}")
        {
            Node = intent.Source,
            State = "nothing was done",
            Hint = $"bring {intent.Source} back (mcp node list); if it is dead: mcp migrate {intent.Spec.Name} --to {intent.Target} --from-snapshot --source-dead {intent.Source}",
        };
    }

    // What the target would refuse is refused now, while the service runs; with the images there, pulling them is no part of the interruption.
    private async Task RehearseAsync(MigrationIntent intent, string operation, string by, OperationScope? scope, CancellationToken ct)
    {
        var rehearsal = new AgentDeployRequest { Spec = intent.Spec, SpecHash = SpecHash.OfService(intent.Spec), Only = scope is null ? "check" : "images" };
        rehearsal.Images.AddRange(intent.Images);
        try
        {
            using var call = links.To(intent.Target).Deploy(rehearsal, links.Options(configuration.Timeouts.Deploy, ct, $"{operation}-check", by));
            await foreach (var part in call.ResponseStream.ReadAllAsync(ct))
            {
                // Its steps are part of this one; only what it says is shown.
                if (part.Progress is { Result: null, Message.Length: > 0 } progress)
                    scope?.Forward(progress);
            }
        }
        catch (McpException e)
        {
            throw new McpException(e.Code, $"{intent.Target} cannot take {intent.Spec.Name}: {e.Message}", e)
            {
                Node = intent.Target,
                Step = "validate",
                Cause = e.Cause,
                Hint = e.Hint,
                State = "nothing was done; the service runs where it was",
                Problems = e.Problems,
            };
        }
    }

    private async Task LookAsync(MigrationIntent intent, MigrateRequest request, CancellationToken ct)
    {
        var (service, plan) = (intent.Spec.Name, intent.Plan);
        var target = links.To(intent.Target);
        var (free, records) = await AskedAsync(intent.Target, $"{intent.Target} does not say what room it has and what it holds", async () =>
            ((await target.NodeStatusAsync(new NodeStatusRequest(), links.Options(AskLimit, ct))).DiskFreeBytes, (await target.ListDataAsync(new ListDataRequest(), links.Options(AskLimit, ct))).Records));
        plan.TargetFreeBytes = free;
        var there = records.FirstOrDefault(r => r.Service == service && IsInPlace(r));
        if (there is not null && !request.Force)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{intent.Target} has data of {service} in its place already (epoch {there.Epoch}, {there.State}); it is not gone over")
            {
                Node = intent.Target,
                State = "nothing was done",
                Hint = $"erase it: mcp data purge {service} --on {intent.Target}; or repeat with --force, which puts it aside",
            };
        }
        if (plan.Mode == "snapshot" && MigrationRules.Room(service, intent.Target, plan.Bytes, plan.TargetFreeBytes) is { } tight)
            throw tight;
        if (plan.Mode != "move")
            return;
        var found = await AskedAsync(intent.Source, $"the data of {service} on {intent.Source} could not be looked through", async () =>
            await links.To(intent.Source).InspectDataAsync(new InspectDataRequest { Service = service, Mode = "move" }, links.Options(LookLimit, ct)));
        if (found.NotReplaceable.Length > 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the data of {service} on {intent.Source} could not be set aside after the move: {found.NotReplaceable}")
            {
                Node = intent.Source,
                State = "nothing was done; the service runs where it was",
                Hint = $"let the mount be that of the whole data root ([data] root) and /srv/{service} a plain folder on it: mcp doctor --node on {intent.Source}",
            };
        }
        plan.Bytes = found.Bytes;
        plan.Entries = found.Entries;
        plan.Skipped.AddRange(found.Skipped);
        plan.Databases.AddRange(found.Databases);
        plan.EstimateMillis = (long)MigrationRules.Estimate(found.Bytes, plan.Rate).TotalMilliseconds;
        if (MigrationRules.Room(service, intent.Target, found.Bytes, plan.TargetFreeBytes) is { } full)
            throw full;
    }

    // What a node answers is told as what it stands in the way of; nothing was begun.
    private static async Task<T> AskedAsync<T>(string node, string what, Func<Task<T>> askAsync)
    {
        try
        {
            return await askAsync();
        }
        catch (McpException e)
        {
            throw new McpException(e.Code, $"{what}: {e.Message}", e)
            {
                Node = node,
                Step = "validate",
                Cause = e.Cause,
                State = "nothing was done",
                Hint = e.Hint ?? $"mcp node list; mcp status --direct -n {node}",
            };
        }
    }

    // Copies that were put aside are in nobody's way.
    private static bool IsInPlace(DataRecord record) => record.State == "current" || (record.State == "aside" && !record.Path.Contains("/.mcp/", StringComparison.Ordinal));
}
