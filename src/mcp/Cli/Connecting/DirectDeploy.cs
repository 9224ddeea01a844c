using Grpc.Core;
using Mcp.Cli.Output;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Cli.Connecting;

/// <summary>
/// A deployment without the master. The agent runs it detached from this call, so when the connection breaks nothing is begun anew: the
/// agent is asked by the operation's id until it knows the end.
/// </summary>
internal sealed class DirectDeploy(CommandContext context, FleetLink link)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Deploys and tells the outcome as the master would have told it.</summary>
    /// <exception cref="McpException">Refused or failed.</exception>
    /// <exception cref="DetachedException">The operator pressed Ctrl-C.</exception>
    public async Task<DeployResponse> RunAsync(AgentDeployRequest request, CancellationToken cancel)
    {
        var id = OperationId.New(context.Clock);
        var what = $"deploy of {request.Spec.Name}";
        await using var display = ProgressDisplay.Open(context, summaryFollows: true);
        AgentDeployResult? result = null;
        try
        {
            var node = (await link.Agent.NodeStatusAsync(new NodeStatusRequest(), cancellationToken: cancel)).Name;
            try
            {
                using var stream = link.Agent.Deploy(request, OperationCalls.Headers(id), cancellationToken: cancel);
                await foreach (var e in stream.ResponseStream.ReadAllAsync(cancel))
                {
                    if (e.EventCase == AgentDeployEvent.EventOneofCase.Progress)
                        display.Show(e.Progress);
                    else if (e.EventCase == AgentDeployEvent.EventOneofCase.Result)
                        result = e.Result;
                }
            }
            catch (McpException e) when (ConnectionFault.Broke(e))
            {
                context.Reporter.Note($"the connection broke; asking the agent for operation {id}");
            }
            result ??= await AskAsync(id, what, cancel);
            return ToResponse(node, result);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw new DetachedException(id, what);
        }
    }

    private async Task<AgentDeployResult> AskAsync(OperationId id, string what, CancellationToken cancel)
    {
        var until = context.Clock.GetUtcNow() + Patience;
        while (true)
        {
            try
            {
                var answer = await link.Agent.GetOperationAsync(new GetOperationRequest { Operation = id.Value }, cancellationToken: cancel);
                if (!answer.Known)
                    throw new McpException(FaultCode.Aborted, $"{what} never reached the agent; nothing was changed");
                if (answer.Operation.State == "succeeded")
                    return answer.Deploy;
                if (answer.Operation.State != "running")
                    throw RpcFault.FromDetail(FaultCode.Aborted, answer.Operation.Error ?? new ErrorDetail { What = $"{what} failed" });
            }
            catch (McpException e) when (ConnectionFault.Broke(e) && context.Clock.GetUtcNow() < until)
            {
                // The agent may be restarting; it finishes or puts back its open operations before it answers anybody.
            }
            await Task.Delay(TimeSpan.FromSeconds(1), context.Clock, cancel);
        }
    }

    private static DeployResponse ToResponse(string node, AgentDeployResult result) => new()
    {
        Node = node,
        Success = result.Steps.All(s => s.Success || s.Skipped),
        Generation = result.Generation,
        Unchanged = result.Unchanged,
        AlreadyDone = result.AlreadyDone,
        Steps = { result.Steps },
        Ports = { result.Ports },
        Components =
        {
            result.Components.Select(c => new DeployedComponent
            {
                Component = c.Component,
                Action = c.Action,
                ContainerId = c.ContainerId,
                ImageDigest = result.Images.FirstOrDefault(i => i.Component == c.Component)?.Digest ?? "",
            }),
        },
    };
}
