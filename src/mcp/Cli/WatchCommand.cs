using System.Text.Json;
using ConsoleAppFramework;
using Grpc.Core;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Comes back to an operation that was left, from any terminal.</summary>
internal sealed class WatchCommand(CommandContext context)
{
    /// <summary>Follows an operation to its end; exits 0 if it succeeded, 1 if not.</summary>
    /// <param name="operation">operation: its id, as it was printed when it was left</param>
    /// <param name="direct">ask the agent, not the master</param>
    /// <param name="node">-n, with --direct: only this node (default: all that this machine knows)</param>
    /// <param name="json">print JSON, one document a line</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("watch")]
    public async Task<int> Watch([Argument] string operation, bool direct = false, string? node = null, bool json = false, CancellationToken cancel = default)
    {
        if (!OperationId.TryParse(operation, out var id, out var problem))
            throw new McpException(FaultCode.InvalidArgument, $"'{operation}' {problem}");
        using var reader = await FleetReader.OpenAsync(context, direct, node, cancel);
        await using var display = json ? null : ProgressDisplay.Open(context);
        var outcome = await FollowAsync(await WatcherAsync(reader, id, cancel), id, display, cancel);
        if (display is not null)
            await display.DisposeAsync();
        if (outcome.Success)
        {
            if (!json)
                context.Screen.Line($"operation {id} succeeded");
            return ExitCode.Done;
        }
        context.Reporter.Error(RpcFault.FromDetail(FaultCode.Aborted, outcome.Error ?? new ErrorDetail { What = $"operation {id} failed" }));
        return ExitCode.Error;
    }

    private static async Task<Func<WatchRequest, AsyncServerStreamingCall<OperationEvent>>> WatcherAsync(FleetReader reader, OperationId id, CancellationToken cancel)
    {
        if (reader.Master is { } master)
            return request => master.Master.Watch(request, cancellationToken: cancel);
        var agents = await reader.AskAsync(
            async (agent, ct) => (await agent.GetOperationAsync(new GetOperationRequest { Operation = id.Value }, cancellationToken: ct)).Known
                ? agent
                : throw new McpException(FaultCode.NotFound, $"no node that was asked knows operation {id}") { Hint = "mcp events --direct" },
            cancel);
        return request => agents[0].Watch(request, cancellationToken: cancel);
    }

    private async Task<OperationOutcome> FollowAsync(Func<WatchRequest, AsyncServerStreamingCall<OperationEvent>> watch, OperationId id, ProgressDisplay? display, CancellationToken cancel)
    {
        var request = new WatchRequest { Operation = id.Value };
        while (true)
        {
            try
            {
                using var stream = watch(request);
                await foreach (var e in stream.ResponseStream.ReadAllAsync(cancel))
                {
                    request.After = Math.Max(request.After, e.Sequence);
                    if (display is null)
                        context.Out.WriteLine(JsonSerializer.Serialize(e.ToDocument(), CliJsonLines.Default.OperationEventDocument));
                    else
                        display.Show(e);
                    if (e.Outcome is not null)
                        return e.Outcome;
                }
            }
            catch (McpException e) when (ConnectionFault.Broke(e) && request.After > 0)
            {
                // The master restarts, or the network does: the operation is elsewhere and goes on.
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                throw new DetachedException(id, "the operation");
            }
            await Task.Delay(TimeSpan.FromSeconds(1), context.Clock, cancel);
        }
    }
}
