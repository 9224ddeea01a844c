using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Registration;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>
/// Running containers of a node become a service of the fleet: 1 what can be checked, names and data record, and the intent in one
/// transaction; 2 the agent adopts; 3 placement, generation and data record in one transaction, as after a deploy. Killed in between, the
/// agent is asked by operation id.
/// </summary>
internal sealed class Adopting(
    Database database, OperationJournal journal, AgentLinks links, AgentOperations agents, AgentHoldings holdings, NodeHealthBoard board, AdoptEnding ending, MasterConfiguration configuration)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>Adopts, or gives the outcome of the same operation id again.</summary>
    /// <exception cref="McpException">What is in the way, here or on the node.</exception>
    public Task<AdoptResponse> AdoptAsync(OperationRequest operation, AdoptRequest request, CancellationToken call)
    {
        request = request.Clone();
        if (request.Spec is not null)
            SpecRules.Require(request.Spec = SpecBuilder.Complete(request.Spec));
        return journal.RunAsync(operation, AdoptResponse.Parser, earlier => earlier.AlreadyDone = true, (run, stop) => RunAsync(run, request, stop), call);
    }

    private async Task<AdoptResponse> RunAsync(RunningOperation run, AdoptRequest request, CancellationToken stop)
    {
        var service = run.Request.Service;
        var node = request.Node.Length > 0 ? request.Node : request.Spec?.Node ?? "";
        if (node.Length == 0)
            throw new McpException(FaultCode.InvalidArgument, $"on which node do the containers of {service} run?") { Hint = $"mcp adopt {service} -n <node>; mcp node list" };
        ReachableNode.Require(board, node, $"{service} cannot be adopted");
        await TakeOverAsync(service, stop);
        var call = database.Write(connection => Commit(connection, run, request, node));
        AdoptContainersResponse answer;
        try
        {
            answer = await run.Scope.StepAsync("adopt", () => agents.ToTheEndAsync(
                run, node, Limit, options => links.To(node).AdoptContainersAsync(call, options).ResponseAsync, done => new AdoptContainersResponse { Result = done.Deploy }, stop));
        }
        catch (McpException e) when (!run.Unresolved)
        {
            database.Write(connection =>
            {
                ending.Undo(connection, service);
                run.Fail(connection, run.Scope.Located(e));
            });
            throw;
        }
        return database.Write(connection => ending.Write(connection, run.Request.Id.Value, node, run.Request.Principal, answer.Result, run.Scope.Steps, run));
    }

    // As before a first deploy: who holds data of a service that the fleet has no record of.
    private async Task TakeOverAsync(string service, CancellationToken stop)
    {
        if (database.Read(c => PlacementStore.Find(c, service) is not null || DataRecordStore.All(c, service).Count > 0))
            return;
        foreach (var held in await holdings.HoldersAsync(service, stop))
            database.Write(c => Ownership.Judge(c, held.Node, [new OwnedService { Name = service, Epoch = held.Epoch, VolumeId = held.VolumeId }], ending.Now));
    }

    private AdoptContainersRequest Commit(SqliteConnection connection, RunningOperation run, AdoptRequest request, string node)
    {
        var service = run.Request.Service;
        if (NodeStore.Find(connection, node) is null)
            throw new McpException(FaultCode.NotFound, $"there is no node {Printable.Line(node, 80)}") { Hint = "mcp node list" };
        var current = PlacementStore.Find(connection, service);
        if (current is not null && current.Node != node)
            throw new McpException(FaultCode.AlreadyExists, $"{service} is placed on {current.Node} (generation {current.Generation}); a second copy is not adopted") { Hint = $"mcp status {service}" };
        var data = DataRecordStore.Current(connection, service);
        if (data is not null && data.Node != node)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the data of {service} is on {data.Node} (epoch {data.Epoch}), not on {node}")
            {
                Hint = $"mcp data list {service}; if the copy on {node} is the right one: mcp data accept {service} --on {node}",
            };
        }
        if (request.Spec is { } spec)
        {
            HostnameRules.Check(connection, spec, configuration.Zone, configuration.AllowedDomains);
            HostnameStore.Claim(connection, HostnameRules.Wanted(spec, configuration.Zone));
        }
        run.Begin(connection, node, "adopt", request);
        var call = new AdoptContainersRequest
        {
            Spec = request.Spec,
            Service = service,
            Epoch = data?.Epoch ?? DataRecordStore.HighestEpoch(connection, service) + 1,
            VolumeId = data?.VolumeId ?? Guid.NewGuid().ToString("D"),
        };
        call.Containers.AddRange(request.Containers);
        return call;
    }
}

/// <summary>What the database holds after an adoption, whether its own process wrote it or a later one that asked the agent.</summary>
internal sealed class AdoptEnding(DeployEnding deployed, MasterConfiguration configuration) : IOperationEnding
{
    /// <inheritdoc/>
    public IReadOnlyList<string> Kinds => ["adopt"];

    /// <summary>RFC 3339.</summary>
    public string Now => deployed.Now;

    /// <inheritdoc/>
    public void Succeeded(SqliteConnection connection, OperationRow row, AgentOutcome.Succeeded outcome)
    {
        var result = outcome.Deploy ?? throw new McpException(FaultCode.Internal, $"agent/{row.Node} says that the adoption {row.Id} succeeded, but not of what");
        Write(connection, row.Id, row.Node, row.Principal, result, row.Steps, null);
    }

    /// <inheritdoc/>
    public void Failed(SqliteConnection connection, OperationRow row, bool holdsNothing) => Undo(connection, row.Service);

    /// <summary>Gives back names that were claimed for nothing.</summary>
    public void Undo(SqliteConnection connection, string service) =>
        HostnameStore.Replace(connection, service, PlacementStore.Find(connection, service) is { } placement ? HostnameRules.Wanted(placement.Spec, configuration.Zone) : []);

    /// <summary>Writes what is registered now, in the caller's transaction, and gives the answer.</summary>
    public AdoptResponse Write(
        SqliteConnection connection, string operation, string node, string principal, AgentDeployResult result, IReadOnlyList<StepResult> steps, RunningOperation? run)
    {
        deployed.Record(connection, operation, result.Spec, node, principal, result, "adopted");
        var response = new AdoptResponse { Spec = result.Spec, Generation = result.Generation, Node = node, AlreadyDone = result.AlreadyDone };
        response.Containers.AddRange(result.Components.Select(c => $"{ContainerName.Of(result.Spec.Name, c.Component)} {c.ContainerId}"));
        response.Differences.AddRange(result.Differences);
        if (run is not null)
            run.Succeed(connection, response, steps);
        else
            OperationStore.Succeed(connection, operation, response, steps, deployed.Now);
        return response;
    }
}
