using Google.Protobuf;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>
/// The way of every change at the master, whatever happens to the call that asked for it:
/// 1 an id that the journal knows gets its outcome again; 2 the service's lock; 3 operations that an earlier process left open for the
/// service are resolved first; 4 the body, which commits its intent before it calls an agent; 5 the end in the journal.
/// A failure whose outcome is not known leaves the row open: it is resolved by asking the agent, never by guessing.
/// </summary>
internal sealed class OperationJournal(
    Database database, OperationRunner runner, ServiceLocks locks, OpenOperations open, TimeSpan lockLimit, TimeProvider clock)
{
    /// <summary>Runs <paramref name="body"/>, or joins it, or gives the outcome that it had.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="parser">Reads the stored answer of a repeated id.</param>
    /// <param name="again">Marks that answer as "already done".</param>
    /// <param name="body">The work.</param>
    /// <param name="call">Ends the waiting of this call, not the work.</param>
    public Task<T> RunAsync<T>(
        OperationRequest request, MessageParser<T> parser, Action<T> again, Func<RunningOperation, CancellationToken, Task<T>> body, CancellationToken call)
        where T : IMessage<T> =>
        runner.RunAsync(
            request.Id,
            request.Key,
            async (scope, ending) =>
            {
                if (await EarlierAsync(request, parser, scope, ending) is { } earlier)
                {
                    again(earlier);
                    return earlier;
                }
                using var held = await locks.AcquireAsync(
                    ServiceName.Parse(request.Service), $"{request.Kind} {request.Id} of {request.Principal}", lockLimit, scope.Say, ending);
                await open.RequireResolvedAsync(request.Service, ending);
                return await RunAsync(new RunningOperation(request, scope, clock), body, ending);
            },
            call);

    private async Task<T> RunAsync<T>(RunningOperation run, Func<RunningOperation, CancellationToken, Task<T>> body, CancellationToken ending)
    {
        try
        {
            return await body(run, ending);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            if (run is { Begun: true, Ended: false, Unresolved: false })
            {
                var fault = e as McpException ?? new McpException(FaultCode.Internal, $"the operation failed unexpectedly: {e.GetType().Name}", e) { Cause = e.Message };
                database.Write(connection => run.Fail(connection, run.Scope.Located(fault)));
            }
            throw;
        }
    }

    private async Task<T?> EarlierAsync<T>(OperationRequest request, MessageParser<T> parser, OperationScope scope, CancellationToken ending)
        where T : IMessage<T>
    {
        var row = database.Read(connection => OperationStore.Find(connection, request.Id.Value));
        if (row is null)
            return default;
        if (row.RequestKey != request.Key)
        {
            throw new McpException(FaultCode.InvalidArgument, $"the operation id {request.Id} was used for another request ({row.Kind} {row.Service})")
            {
                Hint = "leave the id out, or choose a new one, for a new change",
            };
        }
        if (row.IsOpen)
        {
            await open.RequireResolvedAsync(row, ending);
            row = database.Read(connection => OperationStore.Find(connection, request.Id.Value))!;
        }
        // Whoever asks again, or watches, sees how it went, although it went in an earlier process.
        foreach (var step in row.Steps)
            scope.Add(step);
        return row.State == "succeeded" ? parser.ParseFrom(row.Response) : throw row.Error!.ToFault(row.ErrorCode);
    }
}
