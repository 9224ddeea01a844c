using Grpc.Core;
using Mcp.Errors;
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
    public override Task<GetServiceResponse> GetService(GetServiceRequest request, ServerCallContext context) => Task.FromResult(parts.Registry.Get(request.ServiceName));

    /// <inheritdoc/>
    public override Task<HistoryResponse> History(HistoryRequest request, ServerCallContext context) => Task.FromResult(parts.Registry.History(request.ServiceName));

    /// <inheritdoc/>
    public override Task Logs(LogsRequest request, IServerStreamWriter<LogChunk> responseStream, ServerCallContext context) =>
        UntilTheEndAsync(context, stop => parts.Streams.LogsAsync(request, responseStream, stop));

    /// <inheritdoc/>
    public override Task Events(EventsRequest request, IServerStreamWriter<FleetEvent> responseStream, ServerCallContext context) =>
        UntilTheEndAsync(context, stop => parts.Streams.EventsAsync(request, responseStream, stop));

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
    public override Task<DataListResponse> DataList(DataListRequest request, ServerCallContext context) => Task.FromResult(parts.Registry.Data(request.ServiceName));

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
}
