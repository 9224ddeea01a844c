using Google.Protobuf;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Agent.Registry;

/// <summary>
/// The journal of accepted changes. A row is committed before the first outside effect of its operation; a row that is still 'running'
/// when the agent starts belongs to a process that was killed.
/// </summary>
internal sealed class OperationStore(Database database, TimeProvider clock)
{
    /// <summary>
    /// Finished operations are kept this many; enough for every question "did my call arrive?" that a caller can still ask. The one that put a service's
    /// data in its place is kept besides, for as long as that is the data: with it what was displaced can be taken back.
    /// </summary>
    private const int Kept = 2000;

    private const string Columns = "SELECT id, kind, service, principal, request_key, direct, state, step, started, ended, error, error_code, result, request FROM operations";

    /// <summary>The row of <paramref name="id"/>, or null.</summary>
    public OperationRow? Find(OperationId id) =>
        database.Read(connection => connection.QueryFirst(Columns + " WHERE id = $id", Map, ("$id", id.Value)));

    /// <summary>Operations that a killed process left, in the order in which they began.</summary>
    public IReadOnlyList<OperationRow> Open() =>
        database.Read(connection => connection.Query(Columns + " WHERE state = 'running' ORDER BY started, id", Map));

    /// <summary>As <see cref="Open"/>, of one service.</summary>
    public IReadOnlyList<OperationRow> OpenOf(string service) =>
        database.Read(connection => connection.Query(Columns + " WHERE state = 'running' AND service = $s ORDER BY started, id", Map, ("$s", service)));

    /// <summary>Whether an operation worked on the service at that time, or up to <paramref name="slack"/> before it.</summary>
    public bool WorkedOn(string service, DateTimeOffset at, TimeSpan slack) =>
        database.Read(connection => connection.Scalar<long>(
            "SELECT EXISTS (SELECT 1 FROM operations WHERE service = $s AND started <= $at AND (ended = '' OR ended >= $before))",
            ("$s", service), ("$at", AgentDatabase.Stamp(at)), ("$before", AgentDatabase.Stamp(at - slack)))) != 0;

    /// <summary>Steps that ended, in order.</summary>
    public IReadOnlyList<StepResult> Steps(OperationId id) =>
        database.Read(connection => connection.Query(
            "SELECT step, success, skipped, error, millis FROM operation_steps WHERE operation = $id ORDER BY ordinal",
            row => new StepResult { Step = row.GetString(0), Success = row.GetInt64(1) != 0, Skipped = row.GetInt64(2) != 0, Error = row.GetString(3), Millis = row.GetInt64(4) },
            ("$id", id.Value)));

    /// <summary>Accepts an operation; <paramref name="also"/> runs in the same transaction.</summary>
    public void Begin(OperationId id, string kind, string service, string principal, string requestKey, bool direct, byte[] request, Action<SqliteConnection>? also = null) =>
        database.Write(connection =>
        {
            connection.Execute(
                """
                INSERT INTO operations(id, kind, service, principal, request_key, direct, request, state, step, started)
                VALUES($id, $kind, $service, $principal, $key, $direct, $request, 'running', 'accepted', $now)
                """,
                ("$id", id.Value), ("$kind", kind), ("$service", service), ("$principal", principal), ("$key", requestKey),
                ("$direct", direct ? 1 : 0), ("$request", request), ("$now", clock.Stamp()));
            connection.Execute(
                """
                DELETE FROM operations WHERE state <> 'running' AND id NOT IN (SELECT id FROM operations ORDER BY started DESC LIMIT $kept)
                AND id NOT IN (SELECT operation FROM data_records)
                """,
                ("$kept", Kept));
            also?.Invoke(connection);
        });

    /// <summary>Records where the operation is, and the steps that lie behind it, which a kill must not take from whoever watches.</summary>
    public void EnterStep(OperationId id, string step, IReadOnlyList<StepResult> before) =>
        database.Write(connection =>
        {
            connection.Execute("UPDATE operations SET step = $step WHERE id = $id", ("$step", step), ("$id", id.Value));
            WriteSteps(connection, id, before);
        });

    /// <summary>Ends the operation with its answer and its steps.</summary>
    public void Succeed(OperationId id, IMessage result, IReadOnlyList<StepResult> steps, Action<SqliteConnection>? also = null) =>
        database.Write(connection =>
        {
            connection.Execute(
                "UPDATE operations SET state = 'succeeded', ended = $now, result = $result WHERE id = $id",
                ("$now", clock.Stamp()), ("$result", result.ToByteArray()), ("$id", id.Value));
            WriteSteps(connection, id, steps);
            also?.Invoke(connection);
        });

    /// <summary>Ends the operation as failed, or as put back: what ran before runs again.</summary>
    public void Fail(OperationId id, bool putBack, McpException fault, IReadOnlyList<StepResult> steps, Action<SqliteConnection>? also = null) =>
        database.Write(connection =>
        {
            connection.Execute(
                "UPDATE operations SET state = $state, ended = $now, step = $step, error = $error, error_code = $code WHERE id = $id",
                ("$state", putBack ? "put-back" : "failed"), ("$now", clock.Stamp()), ("$step", fault.Step ?? ""),
                ("$error", fault.ToDetail().ToByteArray()), ("$code", fault.Code.ToString()), ("$id", id.Value));
            WriteSteps(connection, id, steps);
            also?.Invoke(connection);
        });

    private static void WriteSteps(SqliteConnection connection, OperationId id, IReadOnlyList<StepResult> steps)
    {
        connection.Execute("DELETE FROM operation_steps WHERE operation = $id", ("$id", id.Value));
        for (var i = 0; i < steps.Count; i++)
        {
            connection.Execute(
                "INSERT INTO operation_steps(operation, ordinal, step, success, skipped, error, millis) VALUES($id, $n, $step, $ok, $skipped, $error, $millis)",
                ("$id", id.Value), ("$n", i), ("$step", steps[i].Step), ("$ok", steps[i].Success ? 1 : 0), ("$skipped", steps[i].Skipped ? 1 : 0),
                ("$error", steps[i].Error), ("$millis", steps[i].Millis));
        }
    }

    private static OperationRow Map(SqliteDataReader row) => new(
        OperationId.Parse(row.GetString(0)), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetInt64(5) != 0,
        row.GetString(6), row.GetString(7), row.GetString(8), row.GetString(9),
        row.IsDBNull(10) ? null : ErrorDetail.Parser.ParseFrom(row.Blob(10)), row.GetString(11), row.IsDBNull(12) ? null : row.Blob(12), row.Blob(13));
}

/// <summary>One row of the journal.</summary>
internal sealed record OperationRow(
    OperationId Id, string Kind, string Service, string Principal, string RequestKey, bool Direct,
    string State, string Step, string Started, string Ended, ErrorDetail? Error, string ErrorCode, byte[]? Result, byte[] Request)
{
    /// <summary>Whether it has ended, one way or the other.</summary>
    public bool IsOver => State != "running";

    /// <summary>The failure of an operation that did not succeed, as it was told the first time.</summary>
    public McpException ToFault() => new(Enum.TryParse<FaultCode>(ErrorCode, out var code) ? code : FaultCode.Internal, Error?.What is { Length: > 0 } what ? what : $"operation {Id} failed")
    {
        Node = NullIfEmpty(Error?.Node),
        Step = NullIfEmpty(Error?.Step),
        Cause = NullIfEmpty(Error?.Cause),
        Hint = NullIfEmpty(Error?.Hint),
        State = NullIfEmpty(Error?.State),
        Problems = [.. (Error?.Problems ?? []).Select(p => new TextProblem(p.File, (int)p.Line, (int)p.Column, p.Key, p.Message))],
    };

    /// <summary>As the wire has it.</summary>
    public Operation ToMessage(string node, IEnumerable<StepResult> steps)
    {
        var message = new Operation { Id = Id.Value, Kind = Kind, Service = Service, Node = node, Principal = Principal, State = State, Step = Step, Started = Started, Ended = Ended, Error = Error };
        message.Steps.AddRange(steps);
        return message;
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
