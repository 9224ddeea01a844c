using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Reading;
using Mcp.Names;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Master;

internal sealed partial class MasterService
{
    /// <inheritdoc/>
    public override Task<StatusResponse> Status(StatusRequest request, ServerCallContext context) => parts.Status.StatusAsync(request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<ListResponse> List(ListRequest request, ServerCallContext context) => Task.FromResult(parts.Registry.List());

    /// <inheritdoc/>
    public override Task<PsResponse> Ps(PsRequest request, ServerCallContext context) => parts.Status.PsAsync(request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<GetServiceResponse> GetService(GetServiceRequest request, ServerCallContext context)
    {
        var found = parts.Registry.Get(request.ServiceName);
        if (!MaySeeValues(context) && found.Spec is not null)
            found.Spec = EnvironmentView.Hide(found.Spec);
        return Task.FromResult(found);
    }

    /// <inheritdoc/>
    public override Task<HistoryResponse> History(HistoryRequest request, ServerCallContext context)
    {
        var found = parts.Registry.History(request.ServiceName);
        if (!MaySeeValues(context))
        {
            foreach (var generation in found.Generations.Where(g => g.Spec is not null))
                generation.Spec = EnvironmentView.Hide(generation.Spec);
        }
        return Task.FromResult(found);
    }

    /// <inheritdoc/>
    public override Task Logs(LogsRequest request, IServerStreamWriter<LogChunk> responseStream, ServerCallContext context) =>
        UntilTheEndAsync(context, stop => parts.Streams.LogsAsync(request, responseStream, stop));

    /// <inheritdoc/>
    public override Task Events(EventsRequest request, IServerStreamWriter<FleetEvent> responseStream, ServerCallContext context) =>
        request.Audit && !MaySeeAudit(context)
            ? throw new McpException(FaultCode.PermissionDenied, "the audit is for admins") { Hint = "mcp events, without --audit" }
            : UntilTheEndAsync(context, stop => parts.Events.EventsAsync(request, responseStream, stop));

    /// <inheritdoc/>
    public override Task Watch(WatchRequest request, IServerStreamWriter<OperationEvent> responseStream, ServerCallContext context) =>
        UntilTheEndAsync(context, stop => parts.Streams.WatchAsync(request, responseStream, stop));

    /// <inheritdoc/>
    public override Task<ListOperationsResponse> ListOperations(ListOperationsRequest request, ServerCallContext context) => Task.FromResult(parts.Registry.Operations(request));

    /// <inheritdoc/>
    public override Task<RouteListResponse> RouteList(RouteListRequest request, ServerCallContext context) => Task.FromResult(parts.Registry.Routes());

    /// <inheritdoc/>
    public override Task<CertListResponse> CertList(CertListRequest request, ServerCallContext context) => Task.FromResult(parts.Registry.Certificates());

    /// <inheritdoc/>
    public override Task<DataListResponse> DataList(DataListRequest request, ServerCallContext context) => parts.Holdings.ListAsync(request.ServiceName, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<OperatorListResponse> OperatorList(OperatorListRequest request, ServerCallContext context) => Task.FromResult(parts.Registry.Operators());

    /// <inheritdoc/>
    public override Task<ListNodesResponse> ListNodes(ListNodesRequest request, ServerCallContext context)
    {
        var response = new ListNodesResponse();
        response.Nodes.AddRange(parts.Database.Read(parts.Status.Nodes));
        return Task.FromResult(response);
    }

    // A follower would hold up the end of the process until its connection is cut.
    private async Task UntilTheEndAsync(ServerCallContext context, Func<CancellationToken, Task> stream)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, parts.Ending);
        try
        {
            await stream(either.Token);
        }
        catch (OperationCanceledException) when (parts.Ending.IsCancellationRequested)
        {
            throw new McpException(FaultCode.Unavailable, "the master is ending") { Hint = "try again in a moment" };
        }
    }

    private bool MaySeeAudit(ServerCallContext context)
    {
        var actor = context.GetActor();
        return actor == Principal.Local || actor.Kind == PrincipalKind.Human && parts.Directory.FindOperator(actor.Name) is { Role: HumanRole.Admin };
    }

    // Values of the environment are often secrets. Whoever may change a service can read them in its definition anyway; whoever may only look cannot.
    private bool MaySeeValues(ServerCallContext context)
    {
        var actor = context.GetActor();
        return actor == Principal.Local || actor.Kind == PrincipalKind.Human && parts.Directory.FindOperator(actor.Name) is { Role: not HumanRole.Read };
    }
}
