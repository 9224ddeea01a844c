using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Placement;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Snapshots;

/// <summary>
/// A restore proven: the newest complete snapshot goes to a worker, which starts the service from it on a network of its own, waits for its health
/// and throws everything away. The service itself is not touched, so no lock is held. A backup that was never restored is a hope.
/// </summary>
internal sealed class Drilling(
    Database database, OperationRunner runner, AgentLinks links, NodeHealthBoard board, SnapshotFolder folder, SnapshotVerification verification, TimeProvider clock)
{
    // The node extracts, starts and waits for health after the last byte.
    private static readonly TimeSpan EndLimit = TimeSpan.FromMinutes(20);

    /// <summary>Drills because a person wishes it.</summary>
    /// <exception cref="McpException">There is no snapshot, or no node; that the drill itself failed is an answer.</exception>
    public Task<DrillResponse> DrillAsync(OperationRequest operation, DrillRequest request, CancellationToken call) =>
        runner.RunAsync(operation.Id, operation.Key, (scope, stop) => RunAsync(request, operation.Id, operation.Principal, scope, stop), call, Failure);

    /// <summary>Drills on schedule.</summary>
    /// <exception cref="McpException">It could not be tried, or failed.</exception>
    public async Task ScheduledAsync(string service, OperationId id, CancellationToken cancellation)
    {
        var request = new DrillRequest { ServiceName = service };
        var answer = await DrillAsync(new OperationRequest(id, "drill", service, SnapshotSchedule.Principal, request), request, cancellation);
        if (!answer.Success)
            throw new McpException(FaultCode.Aborted, answer.Error) { Node = answer.Node };
    }

    private async Task<DrillResponse> RunAsync(DrillRequest request, OperationId id, string by, OperationScope scope, CancellationToken stop)
    {
        var service = request.ServiceName;
        var (placement, data, all) = database.Read(c => (PlacementStore.Find(c, service), DataRecordStore.Current(c, service), SnapshotStore.All(c, service)));
        if (all.FirstOrDefault(s => !s.Partial) is not { } row)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"there is no complete snapshot of {service} to try out")
            {
                Hint = all.Count == 0 ? $"mcp snapshot create {service}" : $"mcp snapshot list {service} says what is missing in each",
            };
        }
        var document = folder.Describe(row);
        var spec = document?.ReadSpec() ?? placement?.Spec ?? data?.Spec;
        if (spec is null or { Components.Count: 0 })
            throw new McpException(FaultCode.FailedPrecondition, $"what ran on the data of {row.Filename} is not known, so it cannot be started") { Hint = $"mcp deploy {service}; then mcp snapshot create {service}" };
        var node = ChooseNode(request.Node, placement?.Node ?? data?.Node);
        DrillServiceResponse answer;
        try
        {
            await scope.StepAsync("verify", () => verification.RequireWholeAsync(row, all, "drill", done => scope.Progress("", done, row.SizeBytes, "bytes"), stop));
            var start = new DrillServiceRequest { Spec = spec };
            start.Images.AddRange(document is { Images.Count: > 0 } ? document.Images.Select(i => new ComponentImage { Component = i.Component, Reference = i.Reference, Digest = i.Digest }) : placement?.Images ?? []);
            answer = await scope.StepAsync("drill", () => SendAsync(node, row, start, PartId.Of(id, "drill"), by, scope, stop));
        }
        // An agent of a version before drills proves nothing about the snapshot; that it is behind is told as a version skew.
        catch (McpException e) when (e.Code != FaultCode.Unimplemented)
        {
            Remember(row, node, by, id, e.Cause is null ? e.Message : $"{e.Message}: {e.Cause}");
            throw;
        }
        foreach (var step in answer.Steps)
            scope.Add(step);
        Remember(row, node, by, id, answer.Success ? "" : answer.Error.Length > 0 ? answer.Error : "it failed");
        var response = new DrillResponse { Success = answer.Success, Error = answer.Error, Filename = row.Filename, Node = node };
        response.Steps.AddRange(scope.Steps);
        return response;
    }

    private async Task<DrillServiceResponse> SendAsync(string node, SnapshotRow row, DrillServiceRequest start, string operation, string by, OperationScope scope, CancellationToken stop)
    {
        var (agent, channel) = links.ForData(node);
        using var connection = channel;
        await using var watch = new NodeWatch(board, clock, [node], stop);
        using var call = agent.DrillService(links.Options(null, watch.Token, operation, by));
        var sending = new ArchiveSending<DrillServiceRequest>(
            call.RequestStream, start, (message, data) => message.Data = data, trailer => new DrillServiceRequest { Trailer = trailer }, () => new DrillServiceRequest());
        return await watch.RunAsync(async () =>
        {
            await sending.RunAsync(folder.PathOf(row), row, done => scope.Progress("sending", done, row.SizeBytes, "bytes"), watch.Token);
            scope.Say("the node extracts it, starts the service and waits for its health");
            return await AwaitAsync(call.ResponseAsync, node, watch.Token);
        });
    }

    private static async Task<T> AwaitAsync<T>(Task<T> response, string node, CancellationToken stop)
    {
        try
        {
            return await response.WaitAsync(EndLimit, stop);
        }
        catch (TimeoutException e)
        {
            throw new McpException(FaultCode.DeadlineExceeded, $"{node} did not end the drill within {EndLimit.TotalMinutes:0} minutes", e) { Node = node, Hint = $"mcp events --node {node}" };
        }
    }

    // The service's own node has its images and is like what it runs on; another one proves more, where somebody names it.
    private string ChooseNode(string wanted, string? own)
    {
        var nodes = database.Read(NodeStore.All);
        if (wanted.Length > 0)
        {
            var row = nodes.Find(n => n.Name == wanted) ?? throw new McpException(FaultCode.NotFound, $"there is no node {Printable.Line(wanted, 80)}") { Hint = "mcp node list" };
            if (row.Role == "edge")
                throw new McpException(FaultCode.FailedPrecondition, $"{wanted} is an edge and runs no services") { Hint = "mcp node list" };
            ReachableNode.Require(board, wanted, "the drill cannot run");
            return wanted;
        }
        var able = nodes.Where(n => n.Role != "edge" && board.Of(n.Name).Health == NodeHealth.Healthy).ToList();
        return able.Find(n => n.Name == own)?.Name ?? able.Where(n => n.Role == "worker").Concat(able).FirstOrDefault()?.Name
            ?? throw new McpException(FaultCode.FailedPrecondition, "no healthy node could run the drill") { Hint = "mcp node list" };
    }

    private void Remember(SnapshotRow row, string node, string by, OperationId id, string failed) => database.Write(connection =>
    {
        var at = Timestamp.Now(clock);
        SnapshotCourseStore.Drilled(connection, row.Service, at, failed);
        if (failed.Length == 0)
            SnapshotStore.Drilled(connection, row.Id, at);
        EventStore.Add(connection, new FleetEvent
        {
            At = at,
            Node = node,
            Service = row.Service,
            Kind = failed.Length == 0 ? "drilled" : "drill-failed",
            Severity = failed.Length == 0 ? "info" : "error",
            Message = Printable.Line(failed.Length == 0 ? $"the snapshot {row.Filename} of {row.Service} was restored on {node}, became healthy there and was thrown away" : $"the drill of {row.Filename} of {row.Service} on {node} failed: {failed}"),
            Principal = by,
            Operation = id.Value,
        });
    });

    private static ErrorDetail? Failure(DrillResponse response) =>
        response.Success ? null : new McpException(FaultCode.Aborted, $"the drill of {response.Filename} failed: {response.Error}") { Node = response.Node }.ToDetail();
}
