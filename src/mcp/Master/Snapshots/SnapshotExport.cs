using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Registration;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Master.Snapshots;

/// <summary>How far an export is: the agent's phase, and bytes.</summary>
internal delegate void ExportProgress(string phase, long done, long total);

/// <summary>
/// One ExportServiceData, read to its trailer. A connection that closes is never the end: without the trailer the archive was cut. A stream ends
/// after 30 s without a message; the time limit is on the snapshot's method alone, not on moving bytes.
/// </summary>
internal sealed class SnapshotExport(AgentLinks links, NodeHealthBoard board, TimeSpan methodLimit, TimeProvider clock)
{
    /// <summary>How the agent's phase begins in which it waits for the service itself.</summary>
    private const string MethodPhase = "method";

    /// <summary>Reads everything into <paramref name="intake"/>.</summary>
    /// <param name="node">Where.</param>
    /// <param name="request">What.</param>
    /// <param name="operation">The call's own id.</param>
    /// <param name="by">Who asked.</param>
    /// <param name="intake">Where to.</param>
    /// <param name="progress">Told at each message.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="McpException">NotFound: there is nothing of that name; the agent refused, the link broke, the stream was cut, or the method took too long.</exception>
    public async Task<StreamTrailer> ReadAsync(
        string node, ExportServiceDataRequest request, string operation, string by, ArchiveIntake intake, ExportProgress progress, CancellationToken cancellation)
    {
        var (agent, channel) = links.ForData(node);
        using var connection = channel;
        await using var watch = new NodeWatch(board, clock, [node], cancellation);
        using var call = agent.ExportServiceData(request, links.Options(null, watch.Token, operation, by));
        return await watch.RunAsync(() => ReadAsync(call.ResponseStream, node, request.ServiceName, intake, progress, watch.Token));
    }

    private async Task<StreamTrailer> ReadAsync(
        IAsyncStreamReader<ExportServiceDataResponse> stream, string node, string service, ArchiveIntake intake, ExportProgress progress, CancellationToken cancellation)
    {
        StreamTrailer? trailer = null;
        long? methodSince = null;
        while (await stream.NextAsync(cancellation))
        {
            var part = stream.Current;
            if (trailer is not null)
                throw Broken(node, "it goes on after its end");
            switch (part.PartCase)
            {
                case ExportServiceDataResponse.PartOneofCase.Progress:
                    methodSince = part.Progress.Phase.StartsWith(MethodPhase, StringComparison.Ordinal) ? methodSince ?? clock.GetTimestamp() : null;
                    if (methodSince is { } since && clock.GetElapsedTime(since) > methodLimit)
                        throw TooLong(node, service);
                    progress(Printable.Line(part.Progress.Phase, 80), (long)part.Progress.Done, (long)part.Progress.Total);
                    break;
                case ExportServiceDataResponse.PartOneofCase.Data:
                    methodSince = null;
                    await intake.WriteAsync(part.Data.Memory, cancellation);
                    break;
                case ExportServiceDataResponse.PartOneofCase.Trailer:
                    trailer = part.Trailer;
                    break;
                default:
                    throw Broken(node, "it holds something that this version does not know");
            }
        }
        if (trailer is { Bytes: 0, Entries: 0 } && intake.Bytes == 0)
            throw new McpException(FaultCode.NotFound, $"there is no {service} on {node}") { Node = node };
        return trailer ?? throw Broken(node, "it ended without its trailer: it was cut");
    }

    private McpException TooLong(string node, string service) => new(FaultCode.DeadlineExceeded, $"the snapshot method of {service} did not end within {methodLimit.TotalSeconds:0} s")
    {
        Node = node,
        State = "no snapshot was made; earlier ones are untouched",
        Hint = $"mcp logs {service}; [timeouts] snapshot in mcp-master.toml is the limit",
    };

    private static McpException Broken(string node, string cause) => new(FaultCode.DataLoss, $"the archive from {node} is not whole")
    {
        Node = node,
        Cause = cause,
        State = "it was thrown away; earlier snapshots are untouched",
        Hint = "try again",
    };
}
