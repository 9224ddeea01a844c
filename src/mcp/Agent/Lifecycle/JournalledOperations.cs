using System.Security.Cryptography;
using Google.Protobuf;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Operations;
using Microsoft.Data.Sqlite;

namespace Mcp.Agent.Lifecycle;

/// <summary>What is to be run: who asks for what, and under which id.</summary>
internal sealed record OperationRequest(OperationId Id, string Kind, ServiceName Service, string Principal, bool Direct, IMessage Message)
{
    /// <summary>Two equal requests share it; the same id with another one is refused.</summary>
    public string Key => $"{Kind} {Service} {Convert.ToHexStringLower(SHA256.HashData(Message.ToByteArray()))}";

    /// <summary>How long to wait for another operation on the service.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(5);
}

/// <summary>A running operation as its body sees it.</summary>
internal sealed class OperationEntry(OperationRequest request, OperationScope scope)
{
    public OperationRequest Request { get; } = request;

    public OperationScope Scope { get; } = scope;

    public OperationId Id => Request.Id;

    /// <summary>Set by a body that failed and has undone everything it did.</summary>
    public bool PutBack { get; set; }

    /// <summary>Set by a body that failed and could not undo everything: the row stays open and is resolved as soon as podman answers.</summary>
    public bool Unresolved { get; set; }
}

/// <summary>
/// The one way in which the agent changes anything: 1 an id that is known answers as the first time; 2 the row is committed; 3 the service's
/// lock; 4 what an earlier operation left open on this service is resolved; 5 the body; 6 the row is closed with answer or failure, and the
/// event written, in one transaction. Detached from the call that asked: a cut connection changes nothing.
/// </summary>
internal sealed class JournalledOperations(AgentParts parts)
{
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Resolves what an earlier operation left open on a service; set once at composition (it needs the deploy code, which needs this).</summary>
    public Func<string, OperationId, CancellationToken, Task>? ResolveOpen { get; set; }

    /// <summary>From here on operations are begun; before, they wait: what a killed process left comes first.</summary>
    public void Open() => _ready.TrySetResult();

    /// <summary>Runs <paramref name="body"/>, joins it, or answers what it came to.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="parser">Reads the stored answer of an operation that is already done.</param>
    /// <param name="body">The work.</param>
    /// <param name="alreadyDone">Marks an answer that is given again.</param>
    /// <param name="happened">The event to write; null: none.</param>
    /// <param name="call">Ends the waiting, not the work.</param>
    public Task<T> RunAsync<T>(
        OperationRequest request, MessageParser<T> parser, Func<OperationEntry, CancellationToken, Task<T>> body,
        Action<T> alreadyDone, Func<T, NodeEvent?> happened, CancellationToken call)
        where T : class, IMessage<T> =>
        parts.Runner.RunAsync(request.Id, request.Key, async (scope, stop) =>
        {
            if (Earlier(request, parser, alreadyDone) is { } answer)
                return answer;
            if (!_ready.Task.IsCompleted)
                scope.Say("waiting: the agent is finishing what an earlier run left open");
            await _ready.Task.WaitAsync(request.Patience, parts.Clock, stop);
            parts.Operations.Begin(request.Id, request.Kind, request.Service.Value, request.Principal, request.Key, request.Direct, request.Message.ToByteArray());
            return await RunAcceptedAsync(new OperationEntry(request, scope), body, happened, stop);
        }, call);

    private T? Earlier<T>(OperationRequest request, MessageParser<T> parser, Action<T> alreadyDone)
        where T : class, IMessage<T>
    {
        if (parts.Operations.Find(request.Id) is not { } row)
            return null;
        if (row.RequestKey != request.Key)
        {
            throw new McpException(FaultCode.InvalidArgument, $"the operation id {request.Id} was used for another request ({row.Kind} of {row.Service})")
            {
                Hint = "leave the id out, or choose a new one, for a new change",
            };
        }
        if (!row.IsOver)
        {
            throw new McpException(FaultCode.Unavailable, $"operation {request.Id} was interrupted and is being finished or put back")
            {
                Hint = $"mcp watch {request.Id}",
            };
        }
        if (row.State != "succeeded")
            throw row.ToFault();
        var result = parser.ParseFrom(row.Result ?? []);
        alreadyDone(result);
        return result;
    }

    private async Task<T> RunAcceptedAsync<T>(
        OperationEntry entry, Func<OperationEntry, CancellationToken, Task<T>> body, Func<T, NodeEvent?> happened, CancellationToken stop)
        where T : class, IMessage<T>
    {
        var request = entry.Request;
        try
        {
            using var held = await parts.Locks.AcquireAsync(
                request.Service, $"{request.Kind} {request.Id} of {request.Principal}", request.Patience, entry.Scope.Say, stop);
            if (ResolveOpen is { } resolve)
                await resolve(request.Service.Value, request.Id, stop);
            var result = await body(entry, stop);
            parts.Operations.Succeed(request.Id, result, entry.Scope.Steps, connection => AddEvent(connection, request, happened(result)));
            parts.Events.Wake();
            return result;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The row stays open: the next start finishes it or puts it back.
            throw;
        }
        catch (Exception e)
        {
            var fault = entry.Scope.Located(e as McpException ?? Unexpected(e));
            throw entry.Unresolved ? fault : TryClose(entry, fault);
        }
    }

    // A full disk that ended the operation does not take its end either: what is told is the first failure, and the row is closed when it can be.
    private McpException TryClose(OperationEntry entry, McpException fault)
    {
        try
        {
            Close(entry, fault);
            return fault;
        }
        catch (McpException unwritten)
        {
            return new McpException(fault.Code, fault.Message, fault)
            {
                Node = fault.Node,
                Step = fault.Step,
                Cause = fault.Cause,
                Hint = fault.Hint ?? unwritten.Hint,
                State = $"{(fault.State is null ? "" : $"{fault.State}; ")}the journal could not be written ({unwritten.Message}), so the operation stays open until it can",
                Problems = fault.Problems,
            };
        }
    }

    private void Close(OperationEntry entry, McpException fault)
    {
        var request = entry.Request;
        parts.Operations.Fail(request.Id, entry.PutBack, fault, entry.Scope.Steps, connection => AddEvent(connection, request,
            new NodeEvent($"{request.Kind}-failed", "error", fault.Cause is null ? fault.Message : $"{fault.Message}: {fault.Cause}")));
        parts.Events.Wake();
    }

    private void AddEvent(SqliteConnection connection, OperationRequest request, NodeEvent? happened)
    {
        if (happened is not null)
            parts.Events.Add(connection, happened with { Service = request.Service.Value, Principal = request.Principal, Operation = request.Id.Value, Direct = request.Direct });
    }

    private static McpException Unexpected(Exception e) => e is Podman.PodmanException podman
        ? podman.ToFault("the operation failed")
        : new McpException(FaultCode.Internal, $"the operation failed unexpectedly: {e.GetType().Name}", e) { Cause = e.Message };
}
