using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Migrations;

/// <summary>
/// Every service of a node to another, one after another: an operation whose parts are migrations of their own, each with its id, lock and put-back. Core
/// services are left out. The first failure ends it; what was moved until then has moved, and the same command again goes on with the rest.
/// Killed, it is carried on by the next process: the parts are in its journal.
/// </summary>
internal sealed class MigratingAll(MigrationParts parts, MigrationPlanner planner, Migrating migrating, OperationRunner runner, OperationFeed feed, OpenOperations open)
{
    /// <summary>The kind in the journal.</summary>
    public const string Kind = "migrate-all";

    /// <summary>The plans of all; a service that would be refused says why.</summary>
    public async Task<MigrateResponse> DryRunAsync(MigrateRequest request, string by, CancellationToken call)
    {
        var response = new MigrateResponse();
        foreach (var service in Services(request))
        {
            try
            {
                response.Results.Add(MigrationOutcome.Planned(await planner.PlanAsync(Part(request, service, dryRun: true), OperationId.New(parts.Clock).Value, by, null, call)));
            }
            catch (McpException e)
            {
                response.Results.Add(Failed(request, service, "", e));
            }
        }
        return response;
    }

    /// <summary>Moves them, or gives the outcome of the same operation id again.</summary>
    /// <exception cref="McpException">Nothing was begun.</exception>
    public Task<MigrateResponse> MigrateAsync(OperationRequest operation, MigrateRequest request, CancellationToken call) =>
        runner.RunAsync(operation.Id, operation.Key, (scope, ending) => RunAsync(operation, request, scope, ending), call, Failure);

    /// <summary>Carries on what nobody is at.</summary>
    public void Resume(CancellationToken ending)
    {
        foreach (var row in open.Left(Kind))
        {
            _ = runner.RunAsync(OperationId.Parse(row.Id), row.RequestKey, (scope, stop) => FinishAsync(row.Id, row.Principal, MigrationIntent.Parser.ParseFrom(row.Request), scope, stop), ending, Failure)
                .ContinueWith(t => t.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private async Task<MigrateResponse> RunAsync(OperationRequest operation, MigrateRequest request, OperationScope scope, CancellationToken ending)
    {
        if (parts.Database.Read(c => OperationStore.Find(c, operation.Id.Value)) is { } earlier)
        {
            if (earlier.RequestKey != operation.Key)
                throw new McpException(FaultCode.InvalidArgument, $"the operation id {operation.Id} was used for another request ({earlier.Kind} {earlier.Service})") { Hint = "leave the id out, or choose a new one, for a new change" };
            if (earlier.IsOpen)
                return await FinishAsync(earlier.Id, earlier.Principal, MigrationIntent.Parser.ParseFrom(earlier.Request), scope, ending);
            var response = MigrateResponse.Parser.ParseFrom(earlier.Response ?? throw earlier.Error!.ToFault(earlier.ErrorCode));
            response.AlreadyDone = true;
            return response;
        }
        var services = Services(request);
        var intent = new MigrationIntent { Request = request, Source = request.SourceNode, Target = request.TargetNode };
        intent.Parts.AddRange(services.Select((s, i) => new MigratePart { Service = s, Operation = $"{operation.Id}-{i}" }));
        if (services.Count == 0)
            return new MigrateResponse();
        var run = new RunningOperation(operation, scope, parts.Clock);
        parts.Database.Write(connection =>
        {
            run.Record(connection, intent);
            EventStore.Add(connection, parts.Deployed.Event(operation, request.SourceNode, "migration-began", "info", $"{services.Count} services move from {request.SourceNode} to {request.TargetNode}: {string.Join(", ", services)}"));
        });
        return await FinishAsync(operation.Id.Value, operation.Principal, intent, scope, ending);
    }

    private async Task<MigrateResponse> FinishAsync(string id, string principal, MigrationIntent intent, OperationScope scope, CancellationToken ending)
    {
        var response = new MigrateResponse();
        foreach (var part in intent.Parts)
        {
            var result = await PartAsync(part, principal, intent.Request, scope, ending);
            ending.ThrowIfCancellationRequested();
            response.Results.Add(result);
            if (!result.Success)
                break;
        }
        var fault = Fault(response);
        parts.Database.Write(connection =>
        {
            var at = Timestamp.Now(parts.Clock);
            if (fault is null)
                OperationStore.Succeed(connection, id, response, scope.Steps, at);
            else
                OperationStore.Fail(connection, id, fault, putBack: false, scope.Steps, at, response);
        });
        return response;
    }

    private async Task<MigrateResult> PartAsync(MigratePart part, string principal, MigrateRequest request, OperationScope scope, CancellationToken ending)
    {
        var wanted = Part(request, part.Service, dryRun: false);
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(ending);
        var forwarding = ForwardAsync(part, scope, watching.Token);
        try
        {
            var asked = new OperationRequest(OperationId.Parse(part.Operation), Migrating.Kind, part.Service, principal, wanted);
            return await scope.StepAsync($"migrate {part.Service}", async () => (await migrating.MigrateAsync(asked, wanted, ending)).Results[0]);
        }
        catch (McpException e) when (!ending.IsCancellationRequested)
        {
            return Failed(request, part.Service, part.Operation, e);
        }
        finally
        {
            await watching.CancelAsync();
            await forwarding;
        }
    }

    // Shows what a part says in the whole's own progress, under the part's name.
    private async Task ForwardAsync(MigratePart part, OperationScope scope, CancellationToken stop)
    {
        try
        {
            await foreach (var happened in feed.WatchAsync(part.Operation, 0, TimeSpan.FromHours(1), stop))
            {
                if (happened.Outcome is not null || (happened.Message.Length == 0 && happened.Done == 0))
                    continue;
                var copy = happened.Clone();
                (copy.Step, copy.Result, copy.At) = ($"migrate {part.Service}", null, "");
                copy.Message = string.Join(": ", new[] { happened.Step, happened.Message }.Where(t => t.Length > 0));
                scope.Forward(copy);
            }
        }
        catch (OperationCanceledException)
        {
            // The part has ended.
        }
    }

    private List<string> Services(MigrateRequest request) => parts.Database.Read(connection => PlacementStore.All(connection)
        .Where(p => p.Node == request.SourceNode && !p.Pending && p.Spec.Tier != "core").Select(p => p.Service).ToList());

    private static MigrateRequest Part(MigrateRequest request, string service, bool dryRun) => new()
    {
        ServiceName = service,
        TargetNode = request.TargetNode,
        Force = request.Force,
        AcceptSkipped = request.AcceptSkipped,
        ForceStop = request.ForceStop,
        DryRun = dryRun,
    };

    private static MigrateResult Failed(MigrateRequest request, string service, string operation, McpException e) => new()
    {
        Service = service,
        Source = request.SourceNode,
        Target = request.TargetNode,
        Operation = operation,
        Error = Printable.Block(e.Message),
        ErrorDetail = e.ToDetail(),
    };

    private static McpException? Fault(MigrateResponse response) => response.Results.FirstOrDefault(r => !r.Success) is not { } failed ? null
        : new McpException(FaultCode.Aborted, $"{failed.Service} did not move: {failed.Error}")
        {
            State = $"{response.Results.Count - 1} services have moved; the ones after it were not begun",
            Hint = $"mcp migrate --all --from {failed.Source} --to {failed.Target}   (it goes on with the rest)",
        };

    private static ErrorDetail? Failure(MigrateResponse response) => Fault(response)?.ToDetail();
}
