using Google.Protobuf;
using Mcp.Errors;
using Mcp.Operations;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>One operation while it runs: what was asked, and its row in the journal.</summary>
internal sealed class RunningOperation(OperationRequest request, OperationScope scope, TimeProvider clock)
{
    /// <summary>What was asked.</summary>
    public OperationRequest Request => request;

    /// <summary>Its steps, as watchers see them.</summary>
    public OperationScope Scope => scope;

    /// <summary>The journal has its row: from then on it must end in the journal, too.</summary>
    public bool Begun { get; private set; }

    /// <summary>What happened is not known: the row stays open until the agent has been asked.</summary>
    public bool Unresolved { get; set; }

    /// <summary>The agent said that what ran before runs again.</summary>
    public bool PutBack { get; set; }

    /// <summary>The journal has its end.</summary>
    public bool Ended { get; private set; }

    /// <summary>Commits the intent and that the agent is about to be called, in the caller's transaction.</summary>
    /// <param name="connection">The caller's transaction.</param>
    /// <param name="node">Where it acts.</param>
    /// <param name="step">The step that calls the agent.</param>
    /// <param name="intent">What a later process needs to end it.</param>
    public void Begin(SqliteConnection connection, string node, string step, IMessage intent)
    {
        Record(connection, intent, node);
        OperationStore.Calling(connection, request.Id.Value, node, step);
    }

    /// <summary>Commits the intent of an operation that calls no agent itself, in the caller's transaction.</summary>
    public void Record(SqliteConnection connection, IMessage intent, string node = "")
    {
        OperationStore.Begin(connection, new OperationRow
        {
            Id = request.Id.Value,
            Kind = request.Kind,
            Service = request.Service,
            Node = node,
            Principal = request.Principal,
            RequestKey = request.Key,
            Request = intent.ToByteArray(),
            State = "running",
            Started = Timestamp.Now(clock),
        });
        Begun = true;
    }

    /// <summary>Ends the row with its answer, in the caller's transaction.</summary>
    public void Succeed(SqliteConnection connection, IMessage response, IEnumerable<StepResult> steps)
    {
        OperationStore.Succeed(connection, request.Id.Value, response, steps, Timestamp.Now(clock));
        Ended = true;
    }

    /// <summary>Ends the row with its fault, in the caller's transaction.</summary>
    public void Fail(SqliteConnection connection, McpException fault)
    {
        OperationStore.Fail(connection, request.Id.Value, fault, PutBack, scope.Steps, Timestamp.Now(clock));
        Ended = true;
    }
}
