using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>
/// A deploy, as the master sees it. Killed at any line it is finished or undone by <see cref="OpenOperations"/>:
/// 1 the spec is checked by its own rules; 2 in one transaction: everything else that can be checked, the node, the names, a `pending` row
///   (where nothing runs yet) and the intent; killed before: nothing happened, after: the agent is asked;
/// 3 the agent deploys; its word counts, not the call's end;
/// 4 in one transaction: placement, digests, generation, data record, names, the operation's end;
/// 5 DNS and edge routes, which come with the proxy.
/// A failure in 3 gives the names back, and the pending row, too, once the agent says that it holds nothing.
/// </summary>
internal sealed class Deploying(
    Database database, OperationJournal journal, DeployPlanner planner, AgentOperations agents, AgentHoldings holdings, DeployEnding ending, MasterConfiguration configuration)
{
    /// <summary>Deploys, or gives the outcome of the same operation id again.</summary>
    /// <exception cref="McpException">What is in the way, or what failed on the node.</exception>
    /// <param name="operation">The operation.</param>
    /// <param name="request">What is wished.</param>
    /// <param name="call">Ends the waiting of this call, not the work.</param>
    /// <param name="planned">The node that a confirmed plan promised; empty: the best one now.</param>
    public Task<DeployResponse> DeployAsync(OperationRequest operation, DeployRequest request, CancellationToken call, string planned = "")
    {
        // A caller that is not our command line may leave defaults out; what is stored and hashed is the whole spec, as the agent reads it.
        request = request.Clone();
        request.Service = SpecBuilder.Complete(request.Service ?? throw new McpException(FaultCode.InvalidArgument, "a deploy without a service"));
        SpecRules.Require(request.Service);
        return journal.RunAsync(operation, DeployResponse.Parser, earlier => earlier.AlreadyDone = true, (run, stop) => RunAsync(run, request, stop, planned: planned), call);
    }

    /// <summary>Deploys an earlier generation again, with the images that it had. The data stays as it is.</summary>
    /// <exception cref="McpException">NotFound: no such generation is kept; or as <see cref="DeployAsync"/>.</exception>
    public Task<DeployResponse> RollbackAsync(OperationRequest operation, RollbackRequest request, CancellationToken call) =>
        journal.RunAsync(operation, DeployResponse.Parser, earlier => earlier.AlreadyDone = true, (run, stop) => RollbackAsync(run, request, stop), call);

    private Task<DeployResponse> RollbackAsync(RunningOperation run, RollbackRequest request, CancellationToken stop)
    {
        var service = request.ServiceName;
        var (current, kept) = database.Read(connection => (PlacementStore.Find(connection, service), GenerationStore.Of(connection, service)));
        if (current is null or { Pending: true })
            throw new McpException(FaultCode.FailedPrecondition, $"{service} is not deployed, so there is nothing to roll back") { Hint = $"mcp history {service}; mcp deploy {service}" };
        var wanted = request.Generation > 0 ? kept.Find(g => g.Generation == request.Generation) : kept.Find(g => g.Generation < current.Generation);
        if (wanted is null)
        {
            throw new McpException(FaultCode.NotFound, request.Generation > 0 ? $"generation {request.Generation} of {service} is not kept" : $"{service} has no earlier generation")
            {
                Hint = $"mcp history {service}",
            };
        }
        var deploy = new DeployRequest { Service = wanted.Spec, SeenGeneration = request.SeenGeneration, Overwrite = request.Overwrite };
        run.Scope.Say($"{service} goes back to generation {wanted.Generation} of {wanted.At}; its data stays as it is");
        return RunAsync(run, deploy, stop, wanted.Images);
    }

    private async Task<DeployResponse> RunAsync(RunningOperation run, DeployRequest request, CancellationToken stop, IReadOnlyList<ComponentImage>? images = null, string planned = "")
    {
        await TakeOverAsync(run, request, stop);
        var plan = await run.Scope.StepAsync("place", () => Task.FromResult(database.Write(connection => Commit(connection, run, request, planned))));
        run.Scope.Say($"{request.Service.Name} goes to {plan.Node}: {plan.Why}");
        AgentDeployResult result;
        try
        {
            result = await run.Scope.StepAsync("deploy", () => agents.DeployAsync(run, plan.Node, AgentRequest(request, plan, images ?? plan.Images), configuration.Timeouts.Deploy, stop));
        }
        catch (McpException e) when (!run.Unresolved)
        {
            await UndoAsync(run, plan, e, stop);
            throw;
        }
        SkipWhatIsNotBuilt(run, request.Service);
        return database.Write(connection => ending.Write(connection, run.Request.Id.Value, request, plan.Node, run.Request.Principal, result, run.Scope.Steps, run));
    }

    // A service without any record may run all the same: it was deployed without the master. Placed anew it would run twice.
    private async Task TakeOverAsync(RunningOperation run, DeployRequest request, CancellationToken stop)
    {
        var service = request.Service.Name;
        if (request.Fresh || database.Read(c => PlacementStore.Find(c, service) is not null || DataRecordStore.All(c, service).Count > 0))
            return;
        foreach (var held in await holdings.HoldersAsync(service, stop))
        {
            run.Scope.Say($"{held.Node} holds data of {service}, which the master had no record of (epoch {held.Epoch})");
            database.Write(c => Ownership.Judge(c, held.Node, [new OwnedService { Name = service, Epoch = held.Epoch, VolumeId = held.VolumeId }], ending.Now));
        }
    }

    private DeployPlan Commit(SqliteConnection connection, RunningOperation run, DeployRequest request, string planned)
    {
        var plan = planner.Plan(connection, request, run.Request.Kind, planned);
        var spec = request.Service;
        if (plan.Current is null or { Pending: true })
        {
            PlacementStore.Put(
                connection,
                new PlacementRow
                {
                    Service = spec.Name,
                    Node = plan.Node,
                    Pending = true,
                    Spec = spec,
                    SpecHash = plan.SpecHash,
                    Images = [],
                    Ports = [],
                    Generation = 0,
                    Epoch = plan.Epoch,
                    VolumeId = plan.VolumeId,
                    Principal = run.Request.Principal,
                    At = ending.Now,
                    Operation = run.Request.Id.Value,
                },
                new Dictionary<string, string>());
        }
        HostnameStore.Claim(connection, HostnameRules.Wanted(spec, configuration.Zone));
        run.Begin(connection, plan.Node, "deploy", request);
        return plan;
    }

    private async Task UndoAsync(RunningOperation run, DeployPlan plan, McpException fault, CancellationToken stop)
    {
        var first = plan.Current is null or { Pending: true };
        var holdsNothing = first && await holdings.HoldsNothingAsync(plan.Node, run.Request.Service, stop);
        database.Write(connection =>
        {
            ending.Undo(connection, run.Request.Service, holdsNothing);
            EventStore.Add(connection, ending.Event(run.Request, plan.Node, run.PutBack ? "deploy-put-back" : "deploy-failed", "error", fault.Message));
            run.Fail(connection, run.Scope.Located(fault));
        });
    }

    private static AgentDeployRequest AgentRequest(DeployRequest request, DeployPlan plan, IEnumerable<ComponentImage> images)
    {
        var call = new AgentDeployRequest
        {
            Spec = request.Service,
            SpecHash = plan.SpecHash,
            SeenGeneration = plan.Current?.Generation ?? 0,
            Overwrite = request.Overwrite,
            Pull = request.Pull,
            Component = request.Component,
            Fresh = request.Fresh,
            Epoch = plan.Epoch,
            VolumeId = plan.VolumeId,
            WithoutRoutes = request.WithoutRoutes,
        };
        call.Images.AddRange(images);
        return call;
    }

    private static void SkipWhatIsNotBuilt(RunningOperation run, ServiceSpec spec)
    {
        run.Scope.Skip("dns", "[dns] provider is \"none\": addresses travel in the calls");
        foreach (var route in spec.Components.SelectMany(c => c.Routes).Where(r => r.Public))
            run.Scope.Skip($"edge route {route.Hostname}", "this version has no edge proxy yet; the hostname is kept for the service");
    }
}
