using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>
/// An undeploy: 1 the intent; 2 the agent removes the containers (2 m); 3 edge routes, which come with the proxy; 4 in one transaction the
/// placement and the names end. The data record stays, so that the next deploy goes back to the data. The worker goes first: a failed cleanup
/// then gives 502 and never stale content.
/// </summary>
internal sealed class Undeploying(Database database, OperationJournal journal, AgentLinks links, AgentOperations agents, NodeHealthBoard board, UndeployEnding ending, MasterConfiguration configuration)
{
    /// <summary>Undeploys, or gives the outcome of the same operation id again.</summary>
    /// <exception cref="McpException">NotFound, or what failed on the node.</exception>
    /// <param name="operation">The operation.</param>
    /// <param name="request">What is wished.</param>
    /// <param name="call">Ends the waiting of this call, not the work.</param>
    /// <param name="planned">The generation that a confirmed plan saw; null: whatever is there.</param>
    public Task<UndeployResponse> UndeployAsync(OperationRequest operation, UndeployRequest request, CancellationToken call, ulong? planned = null) =>
        journal.RunAsync(operation, UndeployResponse.Parser, earlier => earlier.AlreadyDone = true, (run, stop) => RunAsync(run, request, planned, stop), call);

    private async Task<UndeployResponse> RunAsync(RunningOperation run, UndeployRequest request, ulong? planned, CancellationToken stop)
    {
        var service = request.ServiceName;
        var (placement, data) = database.Read(connection => (PlacementStore.Find(connection, service), DataRecordStore.Current(connection, service)));
        if (placement is null)
        {
            return data is not null
                ? new UndeployResponse { Success = true, AlreadyDone = true, Data = data }
                : throw new McpException(FaultCode.NotFound, $"there is no service {service}") { Hint = "mcp list" };
        }
        SeenGeneration.RequirePlanned(placement, planned);
        ReachableNode.Require(board, placement.Node, $"{service} cannot be undeployed");
        database.Write(connection => run.Begin(connection, placement.Node, "undeploy", request));
        var answer = await run.Scope.StepAsync("undeploy", () => CallAsync(run, placement.Node, service, stop));
        run.Scope.Skip("dns", "[dns] provider is \"none\"");
        return database.Write(connection =>
        {
            var response = ending.Write(connection, service, placement.Node, run.Request.Principal, run.Request.Id.Value, answer, run.Scope.Steps);
            run.Succeed(connection, response, response.Steps);
            return response;
        });
    }

    private async Task<UndeployServiceResponse> CallAsync(RunningOperation run, string node, string service, CancellationToken stop)
    {
        try
        {
            return await agents.ToTheEndAsync(
                run,
                node,
                configuration.Timeouts.Undeploy,
                options => links.To(node).UndeployServiceAsync(new UndeployServiceRequest { Service = service }, options).ResponseAsync,
                Recovered,
                stop);
        }
        catch (McpException e) when (e.Code == FaultCode.NotFound)
        {
            // A pending deploy that never arrived, or containers that somebody removed by hand: what was asked for is so.
            run.Scope.Say($"{node} has no service {service}");
            return new UndeployServiceResponse { AlreadyDone = true };
        }
    }

    private static UndeployServiceResponse Recovered(AgentOutcome.Succeeded outcome)
    {
        var answer = new UndeployServiceResponse();
        answer.Steps.AddRange(outcome.Operation.Steps);
        return answer;
    }
}

/// <summary>What the database holds after an undeploy.</summary>
internal sealed class UndeployEnding(TimeProvider clock) : IOperationEnding
{
    /// <inheritdoc/>
    public IReadOnlyList<string> Kinds => ["undeploy"];

    /// <inheritdoc/>
    public void Succeeded(SqliteConnection connection, OperationRow row, AgentOutcome.Succeeded outcome)
    {
        var answer = new UndeployServiceResponse();
        answer.Steps.AddRange(outcome.Operation.Steps);
        var response = Write(connection, row.Service, row.Node, row.Principal, row.Id, answer, row.Steps);
        OperationStore.Succeed(connection, row.Id, response, response.Steps, Timestamp.Now(clock));
    }

    /// <inheritdoc/>
    public void Failed(SqliteConnection connection, OperationRow row, bool holdsNothing)
    {
        // The placement stays; the same command again goes on where this one failed.
    }

    /// <summary>Ends placement and names, in the caller's transaction, and gives the answer.</summary>
    public UndeployResponse Write(
        SqliteConnection connection, string service, string node, string principal, string operation, UndeployServiceResponse answer, IReadOnlyList<StepResult> steps)
    {
        PlacementStore.Remove(connection, service);
        HostnameStore.Replace(connection, service, []);
        var data = DataRecordStore.Current(connection, service);
        if (data is not null && answer.Data is { Bytes: > 0 and <= long.MaxValue } said && data.Node == node)
        {
            data.Bytes = said.Bytes;
            data.Updated = Timestamp.Now(clock);
            DataRecordStore.Put(connection, data);
        }
        EventStore.Add(connection, new FleetEvent
        {
            At = Timestamp.Now(clock),
            Node = node,
            Service = service,
            Kind = "undeployed",
            Severity = "info",
            Message = data is null ? $"{service} was removed from {node}" : $"{service} was removed from {node}; its data stays there",
            Principal = principal,
            Operation = operation,
        });
        var response = new UndeployResponse { Success = true, AlreadyDone = answer.AlreadyDone, Data = data };
        foreach (var step in steps)
        {
            if (step.Step == "undeploy")
                response.Steps.AddRange(answer.Steps);
            response.Steps.Add(step);
        }
        return response;
    }
}
