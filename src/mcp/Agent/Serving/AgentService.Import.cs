using Grpc.Core;
using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Agent.Serving;

/// <summary>What comes to a node, and how it is taken back.</summary>
internal sealed partial class AgentService
{
    /// <inheritdoc/>
    public override async Task<ImportServiceDataResponse> ImportServiceData(IAsyncStreamReader<ImportServiceDataRequest> requestStream, ServerCallContext context)
    {
        var asker = AskerOf(context);
        if (!await requestStream.NextAsync(context.CancellationToken) || requestStream.Current is not { ServiceName.Length: > 0, Trailer: null } first)
            throw new McpException(FaultCode.InvalidArgument, "the first message of an import says what it is about");
        return await data.ImportAsync(asker, first, requestStream, context.CancellationToken);
    }

    /// <inheritdoc/>
    public override Task<RevertImportResponse> RevertImport(RevertImportRequest request, ServerCallContext context) =>
        data.RevertAsync(AskerOf(context), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<SetDataAsideResponse> SetDataAside(SetDataAsideRequest request, ServerCallContext context) =>
        data.SetAsideAsync(AskerOf(context), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<DataRecord> TakeBackData(TakeBackDataRequest request, ServerCallContext context) =>
        data.TakeBackAsync(AskerOf(context), request, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<DrillServiceResponse> DrillService(IAsyncStreamReader<DrillServiceRequest> requestStream, ServerCallContext context)
    {
        var asker = AskerOf(context);
        if (!await requestStream.NextAsync(context.CancellationToken) || requestStream.Current is not { Spec: not null, Trailer: null } first)
            throw new McpException(FaultCode.InvalidArgument, "the first message of a drill says what is to be started");
        return await drill.RunAsync(asker, first, requestStream, context.CancellationToken);
    }
}
