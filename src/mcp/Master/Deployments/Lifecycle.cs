using Grpc.Core;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>Start, stop and restart of what is deployed. Start and stop of a whole service also change what is wished: <c>active</c>.</summary>
internal sealed class Lifecycle(Database database, OperationJournal journal, AgentLinks links, AgentOperations agents, NodeHealthBoard board, LifecycleEnding ending, MasterConfiguration configuration)
{
    /// <summary>Does it, or gives the outcome of the same operation id again. The kind is that of <paramref name="operation"/>.</summary>
    /// <exception cref="McpException">NotFound, or what failed on the node.</exception>
    /// <param name="operation">The operation.</param>
    /// <param name="request">What is wished.</param>
    /// <param name="call">Ends the waiting of this call, not the work.</param>
    /// <param name="planned">The generation that a confirmed plan saw; null: whatever is there.</param>
    public Task<LifecycleResult> RunAsync(OperationRequest operation, LifecycleRequest request, CancellationToken call, ulong? planned = null) =>
        journal.RunAsync(operation, LifecycleResult.Parser, earlier => earlier.AlreadyDone = true, (run, stop) => RunAsync(run, request, planned, stop), call);

    private async Task<LifecycleResult> RunAsync(RunningOperation run, LifecycleRequest request, ulong? planned, CancellationToken stop)
    {
        var kind = run.Request.Kind;
        var placement = database.Read(connection => PlacementStore.Find(connection, request.ServiceName));
        if (placement is null or { Pending: true })
        {
            throw new McpException(FaultCode.NotFound, $"{request.ServiceName} is not deployed")
            {
                Cause = placement is null ? null : $"its first deploy on {placement.Node} was not confirmed",
                Hint = $"mcp deploy {request.ServiceName}",
            };
        }
        if (request.Component.Length > 0 && placement.Spec.Components.All(c => c.Name != request.Component))
        {
            throw new McpException(FaultCode.NotFound, $"{request.ServiceName} has no component {Printable.Line(request.Component, 80)}")
            {
                Hint = $"its components: {string.Join(", ", placement.Spec.Components.Select(c => c.Name))}",
            };
        }
        SeenGeneration.RequirePlanned(placement, planned);
        ReachableNode.Require(board, placement.Node, $"{kind} of {request.ServiceName}");
        database.Write(connection => run.Begin(connection, placement.Node, kind, request));
        var answer = await run.Scope.StepAsync(kind, () => agents.ToTheEndAsync(
            run,
            placement.Node,
            configuration.Timeouts.Deploy,
            options => CallAsync(links.To(placement.Node), kind, request, options),
            LifecycleEnding.Recovered,
            stop));
        return database.Write(connection =>
        {
            var response = ending.Write(connection, kind, request, placement.Node, run.Request.Principal, run.Request.Id.Value, answer, run.Scope.Steps);
            run.Succeed(connection, response, response.Steps);
            return response;
        });
    }

    private static Task<LifecycleResponse> CallAsync(McpAgentService.McpAgentServiceClient agent, string kind, LifecycleRequest request, CallOptions options) => kind switch
    {
        "start" => agent.StartServiceAsync(
            new StartServiceRequest { Service = request.ServiceName, Component = request.Component, BreakHold = request.BreakHold }, options).ResponseAsync,
        "stop" => agent.StopServiceAsync(
            new StopServiceRequest { Service = request.ServiceName, Component = request.Component, Force = request.Force }, options).ResponseAsync,
        "restart" => agent.RestartServiceAsync(
            new RestartServiceRequest { Service = request.ServiceName, Component = request.Component }, options).ResponseAsync,
        _ => throw new InvalidOperationException($"Unknown lifecycle kind {kind}."),
    };
}

/// <summary>What the database holds after a start, stop or restart.</summary>
internal sealed class LifecycleEnding(TimeProvider clock) : IOperationEnding
{
    /// <inheritdoc/>
    public IReadOnlyList<string> Kinds => ["start", "stop", "restart"];

    /// <summary>The agent's answer, when only its journal still has it.</summary>
    public static LifecycleResponse Recovered(AgentOutcome.Succeeded outcome)
    {
        var answer = new LifecycleResponse();
        answer.Steps.AddRange(outcome.Operation.Steps);
        return answer;
    }

    /// <inheritdoc/>
    public void Succeeded(SqliteConnection connection, OperationRow row, AgentOutcome.Succeeded outcome)
    {
        var response = Write(connection, row.Kind, LifecycleRequest.Parser.ParseFrom(row.Request), row.Node, row.Principal, row.Id, Recovered(outcome), row.Steps);
        OperationStore.Succeed(connection, row.Id, response, response.Steps, Timestamp.Now(clock));
    }

    /// <inheritdoc/>
    public void Failed(SqliteConnection connection, OperationRow row, bool holdsNothing)
    {
        // Nothing was promised before the agent had done it.
    }

    /// <summary>Writes what is wished from now on, in the caller's transaction, and gives the answer.</summary>
    public LifecycleResult Write(
        SqliteConnection connection, string kind, LifecycleRequest request, string node, string principal, string operation, LifecycleResponse answer, IReadOnlyList<StepResult> steps)
    {
        if (kind != "restart" && request.Component.Length == 0 && PlacementStore.Find(connection, request.ServiceName) is { } placement)
        {
            var spec = placement.Spec.Clone();
            spec.Active = kind == "start";
            PlacementStore.SetSpec(connection, request.ServiceName, spec, SpecHash.OfService(spec));
        }
        EventStore.Add(connection, new FleetEvent
        {
            At = Timestamp.Now(clock),
            Node = node,
            Service = request.ServiceName,
            Component = request.Component,
            Kind = kind switch { "start" => "started", "stop" => "stopped", _ => "restarted" },
            Severity = "info",
            Message = $"{kind} of {request.ServiceName} on {node}",
            Principal = principal,
            Operation = operation,
        });
        var response = new LifecycleResult { Node = node, Success = true, AlreadyDone = answer.AlreadyDone };
        foreach (var step in steps)
        {
            if (step.Step == kind)
                response.Steps.AddRange(answer.Steps);
            response.Steps.Add(step);
        }
        return response;
    }
}
