using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>What is read as a stream: the progress of operations, logs.</summary>
internal sealed class Streams(Database database, OperationFeed feed, AgentLinks links, TimeProvider clock)
{
    /// <summary>A watcher may overtake the call that it watches.</summary>
    private static readonly TimeSpan WatchPatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan EventPause = TimeSpan.FromMilliseconds(500);

    /// <summary>The events of an operation until its outcome; of one that an earlier process ran, what the journal kept.</summary>
    /// <exception cref="McpException">NotFound: nobody knows the id.</exception>
    public async Task WatchAsync(WatchRequest request, IServerStreamWriter<OperationEvent> writer, CancellationToken cancellation)
    {
        if (!OperationId.TryParse(request.Operation, out _, out var problem))
            throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(request.Operation, 80)}' {problem}");
        var last = request.After;
        if (feed.Knows(request.Operation) || database.Read(c => OperationStore.Find(c, request.Operation)) is null or { IsOpen: true })
        {
            await foreach (var happened in feed.WatchAsync(request.Operation, request.After, WatchPatience, cancellation))
            {
                // "Not known" and "not at its end" are the end of a call, not of its operation: the journal has that, once the node has been asked or the master could go on.
                if (happened.Outcome is { Success: false } && database.Read(c => OperationStore.Find(c, request.Operation)) is { } row && (row.IsOpen || !Equals(row.Error, happened.Outcome.Error)))
                    break;
                await writer.WriteAsync(happened, cancellation);
                last = happened.Sequence;
                if (happened.Outcome is not null)
                    return;
            }
        }
        // An open operation of an earlier process has no feed: it is settled by asking its node, and then the journal has its end.
        while (true)
        {
            var row = database.Read(c => OperationStore.Find(c, request.Operation))
                ?? throw new McpException(FaultCode.NotFound, $"no operation {request.Operation} is known here") { Hint = "mcp events" };
            if (!row.IsOpen)
            {
                await ReplayAsync(row, last, writer, cancellation);
                return;
            }
            await Task.Delay(EventPause, clock, cancellation);
        }
    }

    /// <summary>The log of a service, from the node that runs it or holds its data.</summary>
    /// <exception cref="McpException">NotFound, or the node cannot be asked.</exception>
    public async Task LogsAsync(LogsRequest request, IServerStreamWriter<LogChunk> writer, CancellationToken cancellation)
    {
        var node = request.Node;
        if (node.Length == 0)
        {
            node = database.Read(c => PlacementStore.Find(c, request.Service)?.Node ?? DataRecordStore.Current(c, request.Service)?.Node)
                ?? throw new McpException(FaultCode.NotFound, $"there is no service {Printable.Line(request.Service, 80)}") { Hint = "mcp list" };
        }
        using var call = links.To(node).Logs(request, links.Options(null, cancellation));
        await foreach (var chunk in call.ResponseStream.ReadAllAsync(cancellation))
            await writer.WriteAsync(chunk, cancellation);
    }

    private static async Task ReplayAsync(OperationRow row, ulong after, IServerStreamWriter<OperationEvent> writer, CancellationToken cancellation)
    {
        ulong sequence = 0;
        foreach (var step in row.Steps)
        {
            if (++sequence > after)
                await writer.WriteAsync(new OperationEvent { Operation = row.Id, Sequence = sequence, At = row.Ended ?? row.Started, Step = step.Step, Node = row.Node, Result = step }, cancellation);
        }
        await writer.WriteAsync(
            new OperationEvent
            {
                Operation = row.Id,
                // A watcher that saw more live events than the journal keeps still gets a number it has not seen.
                Sequence = Math.Max(sequence, after) + 1,
                At = row.Ended ?? row.Started,
                Step = row.Step,
                Node = row.Node,
                Outcome = new OperationOutcome { Success = row.State == "succeeded", Error = row.Error, AlreadyDone = true },
            },
            cancellation);
    }
}
