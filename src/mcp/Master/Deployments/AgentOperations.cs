using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Registration;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Master.Deployments;

/// <summary>
/// Operations on an agent, brought to a known end. A call that fails proves nothing: the agent may have done the work and the answer been
/// lost. So after any failure the agent is asked by operation id; only its word decides. When it never heard of the id and the link was to
/// blame, the call is made again under the same id, which the agent does once at most.
/// </summary>
internal sealed class AgentOperations(AgentLinks links, TimeProvider clock)
{
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <summary>Asks once what became of an operation.</summary>
    public async Task<AgentOutcome> AskAsync(string node, string operation, CancellationToken cancellation)
    {
        try
        {
            var answer = await links.To(node).GetOperationAsync(new GetOperationRequest { Operation = operation }, links.Options(AskLimit, cancellation));
            return !answer.Known ? new AgentOutcome.NeverArrived() : answer.Operation.State switch
            {
                "succeeded" => new AgentOutcome.Succeeded(answer.Operation, answer.Deploy),
                "running" => new AgentOutcome.Running(),
                var state => new AgentOutcome.Failed(FaultOf(node, answer.Operation), state == "put-back", answer.Operation.Steps),
            };
        }
        catch (McpException e)
        {
            return new AgentOutcome.Unknown(e);
        }
    }

    /// <summary>Deploys; progress goes to the operation's watchers.</summary>
    /// <exception cref="McpException">It failed on the node, or (with <see cref="RunningOperation.Unresolved"/> set) is not known.</exception>
    public Task<AgentDeployResult> DeployAsync(RunningOperation run, string node, AgentDeployRequest request, TimeSpan limit, CancellationToken ending, string? operation = null) =>
        ToTheEndAsync(
            run,
            node,
            limit,
            async options =>
            {
                using var call = links.To(node).Deploy(request, options);
                await foreach (var part in call.ResponseStream.ReadAllAsync(ending))
                {
                    if (part.Result is { } result)
                        return result;
                    if (part.Progress is { } progress)
                        run.Scope.Forward(progress);
                }
                throw new McpException(FaultCode.Unavailable, $"agent/{node} ended the deploy's stream without a result");
            },
            done => done.Deploy ?? throw new McpException(FaultCode.Internal, $"agent/{node} says that the deploy succeeded, but not with what") { Node = node },
            ending,
            operation);

    /// <summary>Makes a call that answers at its end.</summary>
    /// <param name="run">The operation.</param>
    /// <param name="node">Where.</param>
    /// <param name="limit">How long to wait for a known end.</param>
    /// <param name="call">Makes it.</param>
    /// <param name="recovered">The answer from the agent's journal, when the call's own was lost.</param>
    /// <param name="ending">The process ends.</param>
    /// <param name="operation">The id at the agent, where one operation makes several calls; null: the operation's own.</param>
    public async Task<T> ToTheEndAsync<T>(
        RunningOperation run, string node, TimeSpan limit, Func<CallOptions, Task<T>> call, Func<AgentOutcome.Succeeded, T> recovered, CancellationToken ending, string? operation = null)
    {
        operation ??= run.Request.Id.Value;
        var started = clock.GetTimestamp();
        while (true)
        {
            McpException failure;
            try
            {
                var left = limit - clock.GetElapsedTime(started);
                return await call(links.Options(left > TimeSpan.Zero ? left : TimeSpan.FromSeconds(1), ending, operation, run.Request.Principal));
            }
            catch (McpException e)
            {
                failure = e;
            }
            switch (await SettleAsync(run, node, operation, failure, limit - clock.GetElapsedTime(started), ending))
            {
                case AgentOutcome.Succeeded done:
                    return recovered(done);
                case AgentOutcome.Failed failed:
                    run.PutBack = failed.PutBack;
                    // The call's own words carry the status; the journal's are for when they were lost.
                    throw IsLink(failure) ? failed.Fault : Located(failure, node);
                case AgentOutcome.NeverArrived when !IsLink(failure):
                    throw Located(failure, node);
                case AgentOutcome.NeverArrived when clock.GetElapsedTime(started) < limit:
                    run.Scope.Say($"the call did not reach {node}; it is made again");
                    await Task.Delay(Pause, clock, ending);
                    continue;
                case AgentOutcome.NeverArrived:
                    throw Located(failure, node);
                default:
                    run.Unresolved = true;
                    throw new McpException(FaultCode.DeadlineExceeded, $"what became of the {run.Request.Kind} of {run.Request.Service} on {node} is not known", failure)
                    {
                        Node = node,
                        Cause = failure.Cause is null ? failure.Message : $"{failure.Message}: {failure.Cause}",
                        State = $"the operation stays open; it is settled as soon as {node} answers, and nothing else happens to {run.Request.Service} before",
                        Hint = $"mcp watch {run.Request.Id}; mcp node list",
                    };
            }
        }
    }

    /// <summary>Asks until the agent gives an end or says that it never heard of it, at most for <paramref name="limit"/>.</summary>
    public async Task<AgentOutcome> SettleAsync(RunningOperation run, string node, string operation, McpException failure, TimeSpan limit, CancellationToken ending)
    {
        var started = clock.GetTimestamp();
        var said = false;
        while (true)
        {
            var outcome = await AskAsync(node, operation, ending);
            if (outcome is not (AgentOutcome.Running or AgentOutcome.Unknown) || clock.GetElapsedTime(started) >= limit)
                return outcome;
            // A call that was refused outright, by an agent that then cannot be asked, was still refused.
            if (outcome is AgentOutcome.Unknown && failure.Code is (FaultCode.Unimplemented or FaultCode.Unauthenticated))
                return new AgentOutcome.NeverArrived();
            if (!said)
                run.Scope.Say(outcome is AgentOutcome.Running ? $"{node} is still at work; waiting for it" : $"the link to {node} broke; asking it what happened");
            said = true;
            await Task.Delay(Pause, clock, ending);
        }
    }

    // The same codes also come from the agent itself (podman away, say), but then with its own words in the trailer.
    internal static bool IsLink(McpException failure) =>
        failure.Code is (FaultCode.Unavailable or FaultCode.DeadlineExceeded or FaultCode.Aborted or FaultCode.Internal)
        && (failure.InnerException as RpcException)?.Trailers.Get(CallMetadata.Error) is null;

    private static McpException FaultOf(string node, Operation operation) =>
        Located(
            operation.Error is { } detail
                ? detail.ToFault(FaultCode.FailedPrecondition)
                : new McpException(FaultCode.Internal, $"{operation.Kind} of {operation.Service} failed on {node}") { Step = operation.Step },
            node);

    private static McpException Located(McpException fault, string node) => fault.Node is not null ? fault : new McpException(fault.Code, fault.Message, fault)
    {
        Node = node,
        Step = fault.Step,
        Cause = fault.Cause,
        Hint = fault.Hint,
        State = fault.State,
        Problems = fault.Problems,
    };
}
