using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Master.Migrations;

/// <summary>
/// A service's data on its way from one node to another. The master passes messages on as they come and keeps nothing: a message is read only when the
/// one before is on its way, so a slow disk at the target slows the reader at the source, and what is in flight is what the HTTP/2 windows on both
/// sides hold (<see cref="ServerLimits.StreamWindow"/>), whatever the size of the data.
/// Only the trailer is the end. It is looked at before it is passed on, since the target puts the data in place when it has it; the digest in it is the
/// target's to check.
/// </summary>
internal sealed class DataRelay(AgentLinks links, AgentOperations agents, NodeHealthBoard board, TimeProvider clock)
{
    /// <summary>A target that takes nothing for so long is not slow but stuck. A dead one is noticed by its pings, in seconds.</summary>
    private static readonly TimeSpan WriteLimit = TimeSpan.FromMinutes(2);

    /// <summary>Databases are checked and everything is written to disk between the trailer and the answer.</summary>
    private static readonly TimeSpan EndLimit = TimeSpan.FromMinutes(10);

    /// <summary>After a broken link; a target that says it is at work is waited for longer.</summary>
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(30);

    private const ulong SlowestCheck = 20 * 1024 * 1024;

    /// <summary>Passes a stream on, and gives what it held once the target has it, verified.</summary>
    /// <param name="run">The migration.</param>
    /// <param name="source">What is sent; ends with the trailer.</param>
    /// <param name="origin">Where it comes from, for errors.</param>
    /// <param name="target">The node.</param>
    /// <param name="first">What the target is told first.</param>
    /// <param name="operation">The import's id at the target.</param>
    /// <param name="expected">Bytes, for progress; 0: not known.</param>
    /// <param name="check">Looks at the trailer before the target gets it; throws to stop.</param>
    /// <param name="ct">Stops the copy.</param>
    /// <exception cref="McpException">The source, the link or the target; what the target made of it is known, or the run is unresolved.</exception>
    public async Task<StreamTrailer> RunAsync(
        RunningOperation run, IAsyncStreamReader<ExportServiceDataResponse> source, string origin, string target, ImportServiceDataRequest first, string operation, ulong expected,
        Action<StreamTrailer> check, CancellationToken ct)
    {
        var (client, channel) = links.ForData(target);
        using var connection = channel;
        await using var watch = new NodeWatch(board, clock, [origin, target], ct);
        using var call = client.ImportServiceData(links.Options(null, watch.Token, operation, run.Request.Principal));
        _ = call.ResponseAsync.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return await watch.RunAsync(async () =>
        {
            var trailer = await run.Scope.StepAsync("export", () => PassAsync(run, source, origin, target, call.RequestStream, first, expected, check, watch.Token));
            await run.Scope.StepAsync("import", () => EndAsync(run, call, target, operation, trailer, ct));
            return trailer;
        });
    }

    private async Task<StreamTrailer> PassAsync(
        RunningOperation run, IAsyncStreamReader<ExportServiceDataResponse> source, string origin, string target, IClientStreamWriter<ImportServiceDataRequest> writer,
        ImportServiceDataRequest first, ulong expected, Action<StreamTrailer> check, CancellationToken ct)
    {
        var progress = new RelayProgress(run.Scope, expected);
        await WriteAsync(writer, first, target, ct);
        while (await ReadAsync(source, origin, ct))
        {
            var part = source.Current;
            if (part.Trailer is { } trailer)
            {
                check(trailer);
                progress.Done(trailer);
                return trailer;
            }
            if (part.Progress is { } at)
            {
                progress.Said(at);
                // The target counts silence, too; a long copy of a database is none.
                await WriteAsync(writer, new ImportServiceDataRequest { Waiting = true }, target, ct);
                continue;
            }
            await WriteAsync(writer, new ImportServiceDataRequest { Data = part.Data }, target, ct);
            progress.Passed(part.Data.Length);
        }
        throw new McpException(FaultCode.Unavailable, $"the stream of data from {origin} ended without its trailer, so it is not whole") { Node = origin, Hint = "mcp node list" };
    }

    private async Task<ulong> EndAsync(
        RunningOperation run, AsyncClientStreamingCall<ImportServiceDataRequest, ImportServiceDataResponse> call, string target, string operation, StreamTrailer trailer, CancellationToken ct)
    {
        McpException failure;
        var limit = EndLimit + TimeSpan.FromSeconds(trailer.Bytes / (double)SlowestCheck);
        try
        {
            // From here on the target may have everything, also when this very write fails: its answer can break the connection before the write is told done.
            await WriteAsync(call.RequestStream, new ImportServiceDataRequest { Trailer = trailer }, target, ct);
            await call.RequestStream.CompleteAsync();
            return (await call.ResponseAsync.WaitAsync(limit, clock, ct)).BytesWritten;
        }
        catch (McpException e)
        {
            failure = e;
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            failure = new McpException(FaultCode.Unavailable, $"{target} fell silent before it said whether it has the data", e) { Node = target };
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            failure = new McpException(FaultCode.DeadlineExceeded, $"{target} did not say within {limit.TotalMinutes:0} min whether it has the data", e) { Node = target };
        }
        // Whether the data is in place is the target's to say, and is not guessed.
        var started = clock.GetTimestamp();
        while (true)
        {
            switch (await agents.SettleAsync(run, target, operation, failure, SilenceLimit, ct))
            {
                case AgentOutcome.Succeeded:
                    return trailer.Bytes;
                case AgentOutcome.Failed failed:
                    throw failed.Fault;
                case AgentOutcome.Running when clock.GetElapsedTime(started) < limit:
                    continue;
                default:
                    throw At(failure, target);
            }
        }
    }

    private static async Task<bool> ReadAsync(IAsyncStreamReader<ExportServiceDataResponse> source, string origin, CancellationToken ct)
    {
        try
        {
            return await source.NextAsync(ct);
        }
        catch (McpException e)
        {
            throw At(e, origin);
        }
    }

    private async Task WriteAsync(IClientStreamWriter<ImportServiceDataRequest> writer, ImportServiceDataRequest message, string target, CancellationToken ct)
    {
        try
        {
            await writer.WriteAsync(message, ct).WaitAsync(WriteLimit, clock, ct);
        }
        catch (McpException e)
        {
            throw At(e, target);
        }
        catch (TimeoutException)
        {
            throw new McpException(FaultCode.DeadlineExceeded, $"{target} took no data for {WriteLimit.TotalSeconds:0} s") { Node = target, Hint = $"look at its disk: mcp status --direct -n {target}" };
        }
    }

    private static McpException At(McpException e, string node) => e.Node is not null ? e : new McpException(e.Code, Printable.Block(e.Message), e) { Node = node, Cause = e.Cause, Hint = e.Hint, State = e.State, Problems = e.Problems };
}
