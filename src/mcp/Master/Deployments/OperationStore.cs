using Google.Protobuf;
using Mcp.Errors;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>One accepted change as the journal has it; see <c>operations</c> in schema.sql.</summary>
internal sealed record OperationRow
{
    /// <summary>Chosen by the caller.</summary>
    public required string Id { get; init; }

    /// <summary>"deploy", "undeploy", …</summary>
    public required string Kind { get; init; }

    /// <summary>The service.</summary>
    public required string Service { get; init; }

    /// <summary>Where it acts; empty until decided.</summary>
    public required string Node { get; init; }

    /// <summary>Who asked.</summary>
    public required string Principal { get; init; }

    /// <summary>Hash of the request.</summary>
    public required string RequestKey { get; init; }

    /// <summary>The request, to finish it after a kill.</summary>
    public required byte[] Request { get; init; }

    /// <summary>"running", "succeeded", "failed" or "put-back".</summary>
    public required string State { get; init; }

    /// <summary>The step it is in or ended in.</summary>
    public string Step { get; init; } = "";

    /// <summary>The agent may have got the call.</summary>
    public bool Called { get; init; }

    /// <summary>RFC 3339.</summary>
    public required string Started { get; init; }

    /// <summary>RFC 3339, or null while it runs.</summary>
    public string? Ended { get; init; }

    /// <summary>The answer.</summary>
    public byte[]? Response { get; init; }

    /// <summary>Of a failure.</summary>
    public ErrorDetail? Error { get; init; }

    /// <summary>Of a failure.</summary>
    public FaultCode ErrorCode { get; init; }

    /// <summary>The results so far.</summary>
    public IReadOnlyList<StepResult> Steps { get; init; } = [];

    /// <summary>Still running, or left by a process that was killed.</summary>
    public bool IsOpen => State == "running";

    /// <summary>The row as it travels.</summary>
    public Operation ToMessage()
    {
        var message = new Operation
        {
            Id = Id,
            Kind = Kind,
            Service = Service,
            Node = Node,
            Principal = Principal,
            State = State,
            Step = Step,
            Started = Started,
            Ended = Ended ?? "",
            Error = Error,
        };
        message.Steps.AddRange(Steps);
        return message;
    }
}

/// <summary>The journal: a row is committed before anything is done and ends in succeeded, failed or put-back.</summary>
internal static class OperationStore
{
    private const string Columns =
        "id, kind, service, node, principal, request_key, request, state, step, called, started, ended, response, error, error_code, steps";

    /// <summary>The operation of that id, or null.</summary>
    public static OperationRow? Find(SqliteConnection connection, string id) =>
        connection.QueryFirst($"SELECT {Columns} FROM operations WHERE id = $id", Map, ("$id", id));

    /// <summary>Every operation that did not end, the oldest first.</summary>
    public static List<OperationRow> Open(SqliteConnection connection) =>
        connection.Query($"SELECT {Columns} FROM operations WHERE state = 'running' ORDER BY started, id", Map);

    /// <summary>The services on which an operation is at work, or ended in a later second than <paramref name="from"/>.</summary>
    public static List<string> AtWorkSince(SqliteConnection connection, string from) =>
        connection.Query("SELECT DISTINCT service FROM operations WHERE state = 'running' OR ended > $from", r => r.GetString(0), ("$from", from));

    /// <summary>Operations of one service or of all, the newest first.</summary>
    public static List<OperationRow> List(SqliteConnection connection, string service, bool openOnly, int limit) =>
        connection.Query(
            $"""
            SELECT {Columns} FROM operations WHERE ($service = '' OR service = $service) AND ($open = 0 OR state = 'running')
            ORDER BY started DESC, id DESC LIMIT $limit
            """,
            Map, ("$service", service), ("$open", openOnly), ("$limit", limit));

    /// <summary>Commits the intent.</summary>
    public static void Begin(SqliteConnection connection, OperationRow row) =>
        connection.Execute(
            """
            INSERT INTO operations(id, kind, service, node, principal, request_key, request, state, started)
            VALUES($id, $kind, $service, $node, $principal, $key, $request, 'running', $started)
            """,
            ("$id", row.Id), ("$kind", row.Kind), ("$service", row.Service), ("$node", row.Node), ("$principal", row.Principal),
            ("$key", row.RequestKey), ("$request", row.Request), ("$started", row.Started));

    /// <summary>From here on only the agent knows what happened; committed before the first call.</summary>
    public static void Calling(SqliteConnection connection, string id, string node, string step) =>
        connection.Execute("UPDATE operations SET node = $node, step = $step, called = 1 WHERE id = $id", ("$id", id), ("$node", node), ("$step", step));

    /// <summary>Ends the operation with its answer.</summary>
    public static void Succeed(SqliteConnection connection, string id, IMessage response, IEnumerable<StepResult> steps, string at) =>
        End(connection, id, "succeeded", steps, at, response.ToByteArray(), null, 0);

    /// <summary>Ends the operation with its fault; <paramref name="putBack"/>: what ran before runs again.</summary>
    /// <param name="connection">The caller's transaction.</param>
    /// <param name="id">The operation.</param>
    /// <param name="fault">Why.</param>
    /// <param name="putBack">See above.</param>
    /// <param name="steps">What was done.</param>
    /// <param name="at">RFC 3339.</param>
    /// <param name="response">The answer, where one tells what was done nevertheless.</param>
    public static void Fail(SqliteConnection connection, string id, McpException fault, bool putBack, IEnumerable<StepResult> steps, string at, IMessage? response = null) =>
        End(connection, id, putBack ? "put-back" : "failed", steps, at, response?.ToByteArray(), fault.ToDetail().ToByteArray(), fault.Code);

    /// <summary>Takes back an intent that no agent ever heard of.</summary>
    public static void Forget(SqliteConnection connection, string id) => connection.Execute("DELETE FROM operations WHERE id = $id", ("$id", id));

    /// <summary>Removes ended operations older than <paramref name="before"/>.</summary>
    public static void Reap(SqliteConnection connection, string before) =>
        connection.Execute("DELETE FROM operations WHERE state <> 'running' AND ended < $before AND id NOT IN (SELECT operation FROM migrations_of_services)", ("$before", before));

    private static void End(
        SqliteConnection connection, string id, string state, IEnumerable<StepResult> steps, string at, byte[]? response, byte[]? error, FaultCode code)
    {
        var list = new Operation();
        list.Steps.AddRange(steps);
        connection.Execute(
            """
            UPDATE operations SET state = $state, ended = $at, response = $response, error = $error, error_code = $code, steps = $steps,
                                  step = coalesce(nullif($step, ''), step)
            WHERE id = $id
            """,
            ("$id", id), ("$state", state), ("$at", at), ("$response", response), ("$error", error), ("$code", (long)code),
            ("$steps", list.ToByteArray()), ("$step", list.Steps.LastOrDefault(s => !s.Skipped)?.Step ?? ""));
    }

    private static OperationRow Map(SqliteDataReader r) => new()
    {
        Id = r.GetString(0),
        Kind = r.GetString(1),
        Service = r.GetString(2),
        Node = r.GetString(3),
        Principal = r.GetString(4),
        RequestKey = r.GetString(5),
        Request = r.Blob(6),
        State = r.GetString(7),
        Step = r.GetString(8),
        Called = r.GetInt64(9) != 0,
        Started = r.GetString(10),
        Ended = r.TextOrNull(11),
        Response = r.IsDBNull(12) ? null : r.Blob(12),
        Error = r.IsDBNull(13) ? null : ErrorDetail.Parser.ParseFrom(r.Blob(13)),
        ErrorCode = (FaultCode)r.GetInt64(14),
        Steps = r.IsDBNull(15) ? [] : Operation.Parser.ParseFrom(r.Blob(15)).Steps,
    };
}
