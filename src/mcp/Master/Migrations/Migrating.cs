using System.Collections.Concurrent;
using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Migrations;

/// <summary>
/// Migrations as operations: 1 an id that the journal knows gets its outcome again, or is carried on; 2 the service's lock, for as long as it takes;
/// 3 the plan (<see cref="MigrationPlanner"/>); 4 intent and journal row in one transaction: killed before, nothing happened; 5 the journey
/// (<see cref="MigrationRun"/>).
/// What a killed process left is claimed before anybody is served: its lock is taken first, so that nothing comes between.
/// </summary>
internal sealed partial class Migrating(
    MigrationParts parts, MigrationPlanner planner, OperationRunner runner, OpenOperations open, ServiceLocks locks, ILogger<Migrating> log)
{
    /// <summary>The kind in the journal.</summary>
    public const string Kind = "migrate";

    /// <summary>Its calls at agents have ids made of its own.</summary>
    private const int LongestId = 42;

    private readonly ConcurrentDictionary<string, IDisposable> _claimed = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, CancellationTokenSource> _running = new(StringComparer.Ordinal);

    /// <summary>Only the plan.</summary>
    /// <exception cref="McpException">What is in the way.</exception>
    public async Task<MigrateResponse> DryRunAsync(MigrateRequest request, string by, CancellationToken call)
    {
        var intent = await planner.PlanAsync(request, OperationId.New(parts.Clock).Value, by, null, call);
        return new MigrateResponse { Results = { MigrationOutcome.Planned(intent) } };
    }

    /// <summary>Migrates, or gives the outcome of the same operation id again.</summary>
    /// <exception cref="McpException">It was refused before anything was done, or failed and was put back.</exception>
    public Task<MigrateResponse> MigrateAsync(OperationRequest operation, MigrateRequest request, CancellationToken call) => operation.Id.Value.Length > LongestId
        ? throw new McpException(FaultCode.InvalidArgument, $"the operation id {operation.Id} is too long for a migration: its calls get ids made of it") { Hint = $"choose one of at most {LongestId} characters" }
        : runner.RunAsync(operation.Id, operation.Key, (scope, ending) => RunAsync(operation, request, scope, ending), call);

    /// <summary>Takes the locks of what is open, before anybody else can.</summary>
    public void Claim()
    {
        foreach (var row in open.Left(Kind))
        {
            if (locks.TryAcquire(ServiceName.Parse(row.Service), Holder(row.Id, row.Principal)) is { } held && !_claimed.TryAdd(row.Id, held))
                held.Dispose();
        }
    }

    /// <summary>Carries on what nobody is at.</summary>
    public void Resume(CancellationToken ending)
    {
        foreach (var row in open.Left(Kind))
        {
            LogCarriedOn(row.Service, row.Id);
            _ = runner.RunAsync(OperationId.Parse(row.Id), row.RequestKey, (scope, stop) => CarryOnAsync(row, scope, stop), ending)
                .ContinueWith(t => LogEnded(row.Service, row.Id, t.Exception?.InnerException?.Message ?? "done"), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    /// <summary>The operator breaks a hold: a migration that is not committed goes back at once, whatever its target says.</summary>
    public void Break(string service)
    {
        if (parts.Database.Read(c => MigrationStore.OpenOf(c, service)) is { IsCommitted: false } row && _running.TryGetValue(row.Operation, out var running))
            running.Cancel();
    }

    private async Task<MigrateResponse> RunAsync(OperationRequest operation, MigrateRequest request, OperationScope scope, CancellationToken ending)
    {
        // 1
        if (parts.Database.Read(c => OperationStore.Find(c, operation.Id.Value)) is { } earlier)
        {
            return earlier.RequestKey == operation.Key ? await EarlierAsync(earlier, scope, ending) : throw new McpException(
                FaultCode.InvalidArgument, $"the operation id {operation.Id} was used for another request ({earlier.Kind} {earlier.Service})")
            {
                Hint = "leave the id out, or choose a new one, for a new change",
            };
        }
        // 2
        using var held = await locks.AcquireAsync(
            ServiceName.Parse(operation.Service), Holder(operation.Id.Value, operation.Principal), parts.Configuration.Timeouts.Deploy, scope.Say, ending);
        await open.RequireResolvedAsync(operation.Service, ending);
        // 3
        var intent = await scope.StepAsync("validate", () => planner.PlanAsync(request, operation.Id.Value, operation.Principal, scope, ending));
        // 4
        var run = new RunningOperation(operation, scope, parts.Clock);
        var row = new MigrationRow
        {
            Operation = operation.Id.Value,
            Service = intent.Spec.Name,
            Source = intent.Source,
            Target = intent.Target,
            State = MigrationState.Validated,
            Epoch = intent.Plan.Epoch,
        };
        row.Detail.Steps.AddRange(scope.Steps);
        parts.Database.Write(connection =>
        {
            run.Record(connection, intent, intent.Target);
            MigrationStore.Put(connection, row);
            EventStore.Add(connection, parts.Deployed.Event(operation, intent.Target, "migration-began", "info", $"{row.Service} moves from {row.Source} to {row.Target}, about {intent.Plan.Bytes} bytes"));
        });
        // 5
        return await JourneyAsync(run, intent, row, resumed: false, ending);
    }

    private async Task<MigrateResponse> EarlierAsync(OperationRow row, OperationScope scope, CancellationToken ending)
    {
        if (row.IsOpen)
            return await CarryOnAsync(row, scope, ending);
        foreach (var step in row.Steps)
            scope.Add(step);
        var response = row.State == "succeeded" ? MigrateResponse.Parser.ParseFrom(row.Response) : throw row.Error!.ToFault(row.ErrorCode);
        response.AlreadyDone = true;
        return response;
    }

    private async Task<MigrateResponse> CarryOnAsync(OperationRow row, OperationScope scope, CancellationToken ending)
    {
        using var held = _claimed.TryRemove(row.Id, out var claimed)
            ? claimed
            : await locks.AcquireAsync(ServiceName.Parse(row.Service), Holder(row.Id, row.Principal), parts.Configuration.Timeouts.Deploy, scope.Say, ending);
        var intent = MigrationIntent.Parser.ParseFrom(row.Request);
        if (parts.Database.Read(c => MigrationStore.Find(c, row.Id)) is not { IsOpen: true } migration)
            return await EarlierAsync(parts.Database.Read(c => OperationStore.Find(c, row.Id))!, scope, ending);
        foreach (var step in migration.Detail.Steps)
            scope.Add(step);
        scope.Say($"the migration of {row.Service} is carried on; the last step done is: {MigrationStore.Word(migration.State)}");
        var operation = new OperationRequest(OperationId.Parse(row.Id), Kind, row.Service, row.Principal, intent.Request);
        return await JourneyAsync(new RunningOperation(operation, scope, parts.Clock), intent, migration, resumed: true, ending);
    }

    private async Task<MigrateResponse> JourneyAsync(RunningOperation run, MigrationIntent intent, MigrationRow row, bool resumed, CancellationToken ending)
    {
        using var broken = new CancellationTokenSource();
        _running[row.Operation] = broken;
        var journey = new MigrationRun(parts, run, intent, row, broken.Token);
        try
        {
            return new MigrateResponse { Results = { await journey.RunAsync(resumed, ending) } };
        }
        catch (McpException e) when (journey.Row.IsOpen && !ending.IsCancellationRequested)
        {
            // Not even that it failed could be written down: this is no end, whatever stopped it.
            throw new McpException(e.Code, $"the migration of {row.Service} is not at its end: {e.Message}", e)
            {
                Node = e.Node,
                Step = e.Step,
                Cause = e.Cause,
                State = $"it stays open, and goes forward or back by itself as soon as the master can (last step done: {MigrationStore.Word(journey.Row.State)})",
                Hint = $"{(e.Hint is null ? "" : $"{e.Hint}; then ")}mcp watch {row.Operation}",
            };
        }
        finally
        {
            _running.TryRemove(row.Operation, out _);
        }
    }

    private static string Holder(string id, string principal) => $"migrate {id} of {Printable.Line(principal)}";

    [LoggerMessage(Level = LogLevel.Warning, Message = "The migration {Operation} of {Service} was left open and is carried on")]
    private partial void LogCarriedOn(string service, string operation);

    [LoggerMessage(Level = LogLevel.Information, Message = "The migration {Operation} of {Service}, which was carried on, has ended: {Outcome}")]
    private partial void LogEnded(string service, string operation, string outcome);
}
