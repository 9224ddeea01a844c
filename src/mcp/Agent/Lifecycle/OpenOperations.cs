using Mcp.Agent.Deploying;
using Mcp.Agent.Files;
using Mcp.Agent.Importing;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Podman;
using Mcp.V1;

namespace Mcp.Agent.Lifecycle;

/// <summary>
/// What a killed process left open, finished or put back before anything else begins. A committed deploy is finished, any other is put back;
/// stop, start, restart and undeploy are run again from their beginning, since their wish is durable and their steps repeatable. While podman
/// does not answer, it is tried again for ever with growing pauses: the row stays open, and nothing new begins on that service.
/// </summary>
internal sealed partial class OpenOperations(AgentParts parts, PutBack putBack, ServiceLifecycle lifecycle, FileIntake files, DataImport import, DataMoves moves, ILogger logger)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>Resolves everything that is open; returns when nothing is.</summary>
    public async Task ResolveAllAsync(CancellationToken ct)
    {
        var pause = TimeSpan.FromSeconds(1);
        while (true)
        {
            if (Left(parts.Operations.Open()).Count == 0)
                return;
            if (await ResolveOnceAsync(ct))
                continue;
            await Task.Delay(pause, parts.Clock, ct);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <summary>Tries each open operation once, where its service is free.</summary>
    /// <returns>Whether all of them are resolved.</returns>
    public async Task<bool> ResolveOnceAsync(CancellationToken ct)
    {
        var all = true;
        foreach (var row in Left(parts.Operations.Open()))
        {
            using var held = parts.Locks.TryAcquire(ServiceName.Parse(row.Service), $"the end of {row.Kind} {row.Id}");
            all &= held is not null && parts.Operations.Find(row.Id) is { IsOver: false } && await TryResolveAsync(row, ct) is null;
        }
        return all;
    }

    /// <summary>Resolves what is open on one service, for an operation that is about to begin there and holds its lock.</summary>
    /// <exception cref="McpException">It cannot be resolved now.</exception>
    public async Task ResolveServiceAsync(string service, OperationId except, CancellationToken ct)
    {
        foreach (var row in Left(parts.Operations.OpenOf(service)).Where(r => r.Id != except))
        {
            if (await TryResolveAsync(row, ct) is { } cause)
            {
                throw new McpException(FaultCode.Unavailable, $"operation {row.Id} ({row.Kind} of {service}) was interrupted and could not be finished or put back yet")
                {
                    Cause = cause,
                    Hint = $"mend the cause on {parts.Node} (podman ps -a; podman info); the agent tries again by itself, and mcp watch {row.Id} shows its end",
                };
            }
        }
    }

    // What runs in this process is in good hands.
    private List<OperationRow> Left(IReadOnlyList<OperationRow> open) => [.. open.Where(r => !parts.Runner.IsRunning(r.Id))];

    // Null when it is resolved, else why not yet.
    private async Task<string?> TryResolveAsync(OperationRow row, CancellationToken ct)
    {
        var scope = new OperationScope(row.Id, parts.Node, parts.Feed, parts.Clock);
        // What was done before the kill belongs to the operation's story; stop, start and undeploy are done again as a whole.
        foreach (var step in row.Kind == "deploy" ? parts.Operations.Steps(row.Id) : [])
            scope.Add(step);
        try
        {
            await ResolveAsync(row, scope, ct);
            parts.Events.Add(new NodeEvent("operation-resolved", "warning", $"{row.Kind} of {row.Service} was interrupted by the agent's end; it was finished or put back")
            {
                Service = row.Service,
                Operation = row.Id.Value,
                Principal = row.Principal,
            });
            Resolved(row.Id.Value, row.Kind, row.Service);
            return null;
        }
        catch (Exception e) when (e is PodmanException or IOException or McpException { Code: FaultCode.Unavailable or FaultCode.DeadlineExceeded })
        {
            NotYet(row.Id.Value, row.Service, e.Message);
            return e.Message;
        }
        catch (McpException e)
        {
            // A refusal will be the same the next time: the operation has failed, and says why.
            parts.Operations.Fail(row.Id, putBack: false, e, scope.Steps, connection => parts.Events.Add(connection,
                new NodeEvent($"{row.Kind}-failed", "error", $"{row.Kind} of {row.Service} was interrupted by the agent's end and could not be finished: {e.Message}")
                {
                    Service = row.Service,
                    Operation = row.Id.Value,
                    Principal = row.Principal,
                }));
            Failed(row.Id.Value, row.Service, e.Message);
            return null;
        }
    }

    private async Task ResolveAsync(OperationRow row, OperationScope scope, CancellationToken ct)
    {
        var entry = new OperationEntry(
            new OperationRequest(row.Id, row.Kind, ServiceName.Parse(row.Service), row.Principal, row.Direct, new WatchRequest()), scope);
        switch (row.Kind)
        {
            case "deploy":
                await ResolveDeployAsync(row, scope, ct);
                return;
            case "stop":
                parts.Operations.Succeed(row.Id, await lifecycle.StopAsync(StopServiceRequest.Parser.ParseFrom(row.Request), entry, ct), scope.Steps);
                return;
            case "start":
                parts.Operations.Succeed(row.Id, await lifecycle.StartAsync(StartServiceRequest.Parser.ParseFrom(row.Request), entry, ct), scope.Steps);
                return;
            case "restart":
                parts.Operations.Succeed(row.Id, await lifecycle.RestartAsync(RestartServiceRequest.Parser.ParseFrom(row.Request), entry, ct), scope.Steps);
                return;
            case "undeploy":
                parts.Operations.Succeed(row.Id, await lifecycle.UndeployAsync(UndeployServiceRequest.Parser.ParseFrom(row.Request), entry, ct), scope.Steps);
                return;
            case "push":
                files.Forget(FileStart.Parser.ParseFrom(row.Request), row.Id.Value);
                parts.Operations.Fail(row.Id, putBack: true, Interrupted(row, "the file is as it was before, or whole"), scope.Steps);
                return;
            case "import":
                End(row, scope, await import.ResolveAsync(row.Id));
                return;
            case "revert-import":
                End(row, scope, await moves.ResolveRevertAsync(row.Id, RevertImportRequest.Parser.ParseFrom(row.Request)));
                return;
            case "set-aside":
                End(row, scope, moves.ResolveAside(row.Id));
                return;
            case "take-back":
                End(row, scope, moves.ResolveTakeBack(row.Id));
                return;
            default:
                parts.Operations.Fail(row.Id, putBack: false, Interrupted(row, "what it had done until then is as it is"), scope.Steps);
                return;
        }
    }

    // A change of the data folder was committed and is finished, or had not begun and is undone.
    private void End(OperationRow row, OperationScope scope, Google.Protobuf.IMessage? answer)
    {
        if (answer is not null)
            parts.Operations.Succeed(row.Id, answer, scope.Steps);
        else
            parts.Operations.Fail(row.Id, putBack: true, Interrupted(row, "the data is what it was before"), scope.Steps);
    }

    private async Task ResolveDeployAsync(OperationRow row, OperationScope scope, CancellationToken ct)
    {
        if (parts.Deployments.Find(row.Id) is { Committed: true } deployment)
        {
            await CleanAsync(row, scope, ct);
            parts.Operations.Succeed(row.Id, ResultOf(deployment, scope), scope.Steps);
            return;
        }
        var state = await scope.StepAsync("put-back", () => putBack.RunAsync(row.Id, ct));
        parts.Operations.Fail(row.Id, putBack: true, Interrupted(row, state), scope.Steps);
    }

    // A podman that does not answer is asked again; one that answers and refuses would hold up the service for ever, over a container that is stopped.
    private async Task CleanAsync(OperationRow row, OperationScope scope, CancellationToken ct)
    {
        try
        {
            await putBack.FinishAsync(row.Id, ct);
            scope.Add(new StepResult { Step = "clean", Success = true });
        }
        catch (PodmanException e) when (e.Kind == PodmanFailure.Refused)
        {
            scope.Warn("clean", Leftovers.Told(e));
        }
    }

    private AgentDeployResult ResultOf(DeploymentRow deployment, OperationScope scope)
    {
        var spec = deployment.NewSpec;
        var result = new AgentDeployResult { Generation = deployment.Generation, SpecHash = Definitions.SpecHash.OfService(spec) };
        result.Components.AddRange(deployment.Components.Select(c => new ComponentOutcome
        {
            Component = c.Component,
            Action = c.Action switch { ChangeAction.Create => "created", ChangeAction.Replace => "replaced", ChangeAction.Remove => "removed", ChangeAction.Start => "started", ChangeAction.Stop => "stopped", _ => "unchanged" },
            ContainerId = c.Makes ? c.NewId : c.OldId,
            SpecHash = c.SpecHash,
        }));
        result.Images.AddRange(deployment.Components.Where(c => c.Action != ChangeAction.Remove).Select(c => c.Image));
        if (parts.Services.Find(spec.Name) is { } service)
            result.Ports.AddRange(ContainerRevival.PortsOf(parts, service).ToMessages(spec, parts.State.Zone));
        if (parts.Data.Find(spec.Name) is { } data)
            (result.Epoch, result.VolumeId) = (data.Epoch, data.VolumeId);
        result.Steps.AddRange(scope.Steps);
        return result;
    }

    private static McpException Interrupted(OperationRow row, string state) =>
        new(FaultCode.Unavailable, $"{row.Kind} of {row.Service} was interrupted: the agent ended, or could not write its journal, while it ran")
        {
            Step = row.Step,
            State = state,
            Hint = row.Kind is "import" or "revert-import" or "set-aside" or "take-back"
                ? $"mcp data list {row.Service}; whoever asked for it may ask again"
                : $"mcp {row.Kind switch { "accept-data" => "data accept", "purge-data" => "data purge", var kind => kind }} {row.Service}; it is safe to repeat",
        };

    [LoggerMessage(Level = LogLevel.Warning, Message = "Operation {Operation} ({Kind} of {Service}) was left open by an earlier run and is resolved")]
    private partial void Resolved(string operation, string kind, string service);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Operation {Operation} of {Service} cannot be resolved yet and is tried again: {Cause}")]
    private partial void NotYet(string operation, string service, string cause);

    [LoggerMessage(Level = LogLevel.Error, Message = "Operation {Operation} of {Service} could not be finished: {Cause}")]
    private partial void Failed(string operation, string service, string cause);
}
