using System.Globalization;
using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Planning;
using Mcp.V1;

namespace Mcp.Master.Reconciliation;

/// <summary>One service's part of a sync.</summary>
/// <param name="Id">Made of the sync's id and the entry's place in the plan: the same for every process that carries the sync on.</param>
/// <param name="Entry">What to do.</param>
internal sealed record SyncPart(OperationId Id, PlanEntry Entry);

/// <summary>
/// Carries out a plan: wave after wave (<see cref="PlanOrder"/>); in a wave node beside node, and on one node one service after another, so that no
/// node pulls and starts everything at once. A part that fails stops no other. Every part is an operation of its own kind, with its own row, lock
/// and put-back, exactly as if an operator had typed it; what the plan saw of the service must still be so when its turn comes.
/// </summary>
internal sealed class SyncRun(Deploying deploying, Undeploying undeploying, Lifecycle lifecycle, OperationFeed feed)
{
    /// <summary>Nodes that are worked on at once.</summary>
    private const int MostNodes = 8;

    /// <summary>The parts of a plan that act, in the plan's order.</summary>
    /// <exception cref="McpException">InvalidArgument: the sync's id leaves no room for theirs.</exception>
    public static IReadOnlyList<SyncPart> Parts(OperationId sync, Plan plan) =>
        [.. plan.Entries.Index().Where(e => Planner.IsChange(e.Item) && e.Item.Refusal is null).Select(e => new SyncPart(IdOf(sync, e.Index), e.Item))];

    /// <summary>Runs them and gives a result for each entry that is a change, in the plan's order.</summary>
    /// <param name="sync">The sync's id.</param>
    /// <param name="principal">Who asked for it.</param>
    /// <param name="intent">The plan and its specs.</param>
    /// <param name="scope">Where progress goes.</param>
    /// <param name="onlyBegun">Ids that may be carried on, when nothing new may begin; null: all.</param>
    /// <param name="ending">The process ends.</param>
    public async Task<IReadOnlyList<SyncResult>> RunAsync(
        OperationId sync, string principal, SyncIntent intent, OperationScope scope, IReadOnlySet<string>? onlyBegun, CancellationToken ending)
    {
        var parts = Parts(sync, intent.Plan).ToDictionary(p => p.Entry.Service, StringComparer.Ordinal);
        var specs = intent.Services.ToDictionary(s => s.Name, StringComparer.Ordinal);
        var results = new Dictionary<string, SyncResult>(StringComparer.Ordinal);
        foreach (var entry in intent.Plan.Entries.Where(e => e.Refusal is not null))
        {
            scope.Add(new StepResult { Step = $"{entry.Action} {entry.Service}", Error = $"refused: {entry.Refusal.What}" });
            results[entry.Service] = new SyncResult { Service = entry.Service, Action = entry.Action, Node = entry.Node, Error = $"refused: {entry.Refusal.What}", ErrorDetail = entry.Refusal };
        }
        foreach (var wave in PlanOrder.Waves(intent.Plan))
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = MostNodes, CancellationToken = ending };
            await Parallel.ForEachAsync(wave.GroupBy(e => e.Node), options, async (lane, _) =>
            {
                foreach (var entry in lane)
                {
                    ending.ThrowIfCancellationRequested();
                    var part = parts[entry.Service];
                    var result = onlyBegun?.Contains(part.Id.Value) == false
                        ? Left(part)
                        : await RunAsync(part, principal, specs.GetValueOrDefault(entry.Service), intent.Overwrite, scope, ending);
                    lock (results)
                        results[entry.Service] = result;
                }
            });
        }
        return [.. intent.Plan.Entries.Where(e => results.ContainsKey(e.Service)).Select(e => results[e.Service])];
    }

    private async Task<SyncResult> RunAsync(SyncPart part, string principal, ServiceSpec? spec, bool overwrite, OperationScope scope, CancellationToken ending)
    {
        var entry = part.Entry;
        var result = new SyncResult { Service = entry.Service, Action = entry.Action, Node = entry.Node, Operation = part.Id.Value };
        var step = $"{entry.Action} {entry.Service}";
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(ending);
        var forwarding = ForwardAsync(part, step, scope, watching.Token);
        try
        {
            await scope.StepAsync(step, () => ActAsync(part, principal, spec, overwrite, result, ending));
            result.Success = true;
        }
        catch (McpException e) when (!ending.IsCancellationRequested)
        {
            result.Error = e.Message;
            result.ErrorDetail = e.ToDetail();
        }
        finally
        {
            await watching.CancelAsync();
            await forwarding;
        }
        ending.ThrowIfCancellationRequested();
        return result;
    }

    private async Task ActAsync(SyncPart part, string principal, ServiceSpec? spec, bool overwrite, SyncResult result, CancellationToken ending)
    {
        var (entry, service) = (part.Entry, part.Entry.Service);
        OperationRequest Asked(string kind, Google.Protobuf.IMessage message) => new(part.Id, kind, service, principal, message);
        switch (entry.Action)
        {
            case "deploy" or "redeploy":
                // What the plan saw must still be there; only what was deployed past the master is gone over, once that was agreed to.
                var deploy = new DeployRequest { Service = spec, SeenGeneration = entry.Generation, Overwrite = overwrite && entry.NodeGeneration > 0 };
                var deployed = await deploying.DeployAsync(Asked("deploy", deploy), deploy, ending, entry.Node);
                (result.Node, result.Generation) = (deployed.Node, deployed.Generation);
                result.Steps.AddRange(deployed.Steps);
                if (!deployed.Success)
                    throw new McpException(FaultCode.Aborted, deployed.Error.Length > 0 ? deployed.Error : $"a step of the deploy of {service} failed") { Node = deployed.Node };
                break;
            case "undeploy":
                var undeploy = new UndeployRequest { ServiceName = service };
                try
                {
                    result.Steps.AddRange((await undeploying.UndeployAsync(Asked("undeploy", undeploy), undeploy, ending, entry.Generation)).Steps);
                }
                catch (McpException e) when (e.Code == FaultCode.NotFound)
                {
                    // Somebody was quicker: what was asked for is so.
                }
                break;
            default:
                var move = new LifecycleRequest { ServiceName = service };
                result.Steps.AddRange((await lifecycle.RunAsync(Asked(entry.Action, move), move, ending, entry.Generation)).Steps);
                result.Generation = entry.Generation;
                break;
        }
    }

    /// <summary>Shows what a part says in the sync's own progress, under the part's name.</summary>
    private async Task ForwardAsync(SyncPart part, string step, OperationScope scope, CancellationToken stop)
    {
        try
        {
            await foreach (var happened in feed.WatchAsync(part.Id.Value, 0, TimeSpan.FromHours(1), stop))
            {
                if (happened.Outcome is not null || (happened.Message.Length == 0 && happened.Done == 0))
                    continue;
                var copy = happened.Clone();
                copy.Step = step;
                copy.Message = string.Join(": ", new[] { happened.Step, happened.Message }.Where(t => t.Length > 0));
                copy.Result = null;
                copy.At = "";
                scope.Forward(copy);
            }
        }
        catch (OperationCanceledException)
        {
            // The part has ended.
        }
    }

    private static SyncResult Left(SyncPart part) => new()
    {
        Service = part.Entry.Service,
        Action = part.Entry.Action,
        Node = part.Entry.Node,
        Error = "not begun: the master was away for too long after the sync was confirmed",
    };

    private static OperationId IdOf(OperationId sync, int index) =>
        OperationId.TryParse(string.Create(CultureInfo.InvariantCulture, $"{sync}-{index}"), out var id, out _)
            ? id
            : throw new McpException(FaultCode.InvalidArgument, $"the operation id {sync} is too long for a sync: its services get ids made of it") { Hint = "choose one of at most 56 characters" };
}
