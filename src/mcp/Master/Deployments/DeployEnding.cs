using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>What the database holds after a deploy, whether its own process wrote it or a later one that asked the agent.</summary>
internal sealed class DeployEnding(MasterConfiguration configuration, TimeProvider clock) : IOperationEnding
{
    /// <inheritdoc/>
    public IReadOnlyList<string> Kinds => ["deploy", "rollback"];

    /// <summary>RFC 3339.</summary>
    public string Now => Timestamp.Now(clock);

    /// <inheritdoc/>
    public void Succeeded(SqliteConnection connection, OperationRow row, AgentOutcome.Succeeded outcome)
    {
        var request = DeployRequest.Parser.ParseFrom(row.Request);
        var result = outcome.Deploy ?? throw new McpException(FaultCode.Internal, $"agent/{row.Node} says that the deploy {row.Id} succeeded, but not with what");
        Write(connection, row.Id, request, row.Node, row.Principal, result, row.Steps, null);
    }

    /// <inheritdoc/>
    public void Failed(SqliteConnection connection, OperationRow row, bool holdsNothing) => Undo(connection, row.Service, holdsNothing);

    /// <summary>Gives back names that only the failed spec had, and the pending row when its node holds nothing.</summary>
    public void Undo(SqliteConnection connection, string service, bool holdsNothing)
    {
        var placement = PlacementStore.Find(connection, service);
        if (placement is { Pending: true } && holdsNothing)
        {
            PlacementStore.Remove(connection, service);
            placement = null;
        }
        // A pending row keeps its names: the service may be running there, half known.
        HostnameStore.Replace(connection, service, placement is null ? [] : HostnameRules.Wanted(placement.Spec, configuration.Zone));
    }

    /// <summary>Writes everything that a deploy changed, in the caller's transaction, and gives the answer.</summary>
    public DeployResponse Write(
        SqliteConnection connection, string operation, DeployRequest request, string node, string principal, AgentDeployResult result, IReadOnlyList<StepResult> steps, RunningOperation? run)
    {
        Record(connection, operation, request.Service, node, principal, result, "deployed");
        var response = Response(request, node, result, steps);
        if (run is not null)
            run.Succeed(connection, response, response.Steps);
        else
            OperationStore.Succeed(connection, operation, response, response.Steps, Now);
        return response;
    }

    /// <summary>What a node runs now, as rows: placement, generation, data record, names, event.</summary>
    public void Record(SqliteConnection connection, string operation, ServiceSpec spec, string node, string principal, AgentDeployResult result, string kind)
    {
        var before = PlacementStore.Find(connection, spec.Name);
        var same = before is { Pending: false } && before.Generation == result.Generation;
        var placement = new PlacementRow
        {
            Service = spec.Name,
            Node = node,
            Pending = false,
            Spec = spec,
            SpecHash = SpecHash.OfService(spec),
            Images = result.Images,
            Ports = result.Ports,
            Generation = result.Generation,
            Epoch = result.Epoch,
            VolumeId = result.VolumeId,
            Principal = same ? before!.Principal : principal,
            At = same ? before!.At : Now,
            Operation = same ? before!.Operation : operation,
        };
        PlacementStore.Put(connection, placement, spec.Components.ToDictionary(c => c.Name, c => SpecHash.OfComponent(spec, c), StringComparer.Ordinal));
        GenerationStore.Add(connection, spec.Name, Generation(placement));
        DataRecordStore.Put(connection, new DataRecord
        {
            Service = spec.Name,
            Node = node,
            VolumeId = result.VolumeId,
            Epoch = result.Epoch,
            State = "current",
            Spec = spec,
            Updated = Now,
        });
        HostnameStore.Replace(connection, spec.Name, HostnameRules.Wanted(spec, configuration.Zone));
        FindingStore.Close(connection, "master behind", service: spec.Name);
        ReportedServiceStore.Put(connection, new ReportedService(node, spec.Name, result.Epoch, result.VolumeId, result.Generation, spec.Active));
        if (!result.Unchanged)
        {
            EventStore.Add(connection, new FleetEvent
            {
                At = Now,
                Node = node,
                Service = spec.Name,
                Kind = kind,
                Severity = "info",
                Message = $"{spec.Name} generation {result.Generation} on {node}",
                Principal = principal,
                Operation = operation,
            });
        }
    }

    /// <summary>An event about an operation.</summary>
    public FleetEvent Event(OperationRequest request, string node, string kind, string severity, string message) => new()
    {
        At = Now,
        Node = node,
        Service = request.Service,
        Kind = kind,
        Severity = severity,
        Message = Printable.Line(message),
        Principal = request.Principal,
        Operation = request.Id.Value,
    };

    private static GenerationRecord Generation(PlacementRow placement)
    {
        var record = new GenerationRecord
        {
            Generation = placement.Generation,
            Spec = placement.Spec,
            Principal = placement.Principal,
            At = placement.At,
            Node = placement.Node,
            SpecHash = placement.SpecHash,
            Operation = placement.Operation,
        };
        record.Images.AddRange(placement.Images);
        return record;
    }

    private static DeployResponse Response(DeployRequest request, string node, AgentDeployResult result, IReadOnlyList<StepResult> steps)
    {
        var response = new DeployResponse
        {
            Node = node,
            Success = true,
            Generation = result.Generation,
            Unchanged = result.Unchanged,
            AlreadyDone = result.AlreadyDone,
            DeployResult = steps.FirstOrDefault(s => s.Step == "deploy") ?? new StepResult { Step = "deploy", Success = true },
            DnsResult = steps.FirstOrDefault(s => s.Step == "dns"),
            EdgeRouteResult = steps.FirstOrDefault(s => s.Step.StartsWith("edge route", StringComparison.Ordinal)),
        };
        // The agent's own steps stand where they happened: inside "deploy".
        foreach (var step in steps)
        {
            if (step.Step == "deploy")
                response.Steps.AddRange(result.Steps);
            response.Steps.Add(step);
        }
        response.Success = response.Steps.All(s => s.Success || s.Skipped);
        response.Components.AddRange(result.Components.Select(c => new DeployedComponent
        {
            Component = c.Component,
            Action = c.Action,
            ContainerId = c.ContainerId,
            ImageDigest = result.Images.FirstOrDefault(i => i.Component == c.Component)?.Digest ?? "",
        }));
        response.Ports.AddRange(result.Ports);
        foreach (var route in request.Service.Components.SelectMany(c => c.Routes).Where(r => r.Public))
        {
            response.Warnings.Add(
                $"the public route {route.Name} ({route.Hostname}) is NOT REACHABLE from outside yet: this version has no proxy. The container is served on the node's 127.0.0.1 only.");
        }
        return response;
    }
}
