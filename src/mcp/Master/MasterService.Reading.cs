using Grpc.Core;
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
        parts.Streams.LogsAsync(request, responseStream, context.CancellationToken);

    /// <inheritdoc/>
    public override Task Events(EventsRequest request, IServerStreamWriter<FleetEvent> responseStream, ServerCallContext context) =>
        parts.Streams.EventsAsync(request, responseStream, context.CancellationToken);

    /// <inheritdoc/>
    public override Task Watch(WatchRequest request, IServerStreamWriter<OperationEvent> responseStream, ServerCallContext context) =>
        parts.Streams.WatchAsync(request, responseStream, context.CancellationToken);

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
}
