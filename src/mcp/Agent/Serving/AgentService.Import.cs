using Grpc.Core;
using Mcp.V1;

namespace Mcp.Agent.Serving;

/// <summary>What comes to a node, and how it is taken back.</summary>
internal sealed partial class AgentService
{
    /// <inheritdoc/>
    public override Task<ImportServiceDataResponse> ImportServiceData(IAsyncStreamReader<ImportServiceDataRequest> requestStream, ServerCallContext context) =>
        throw NotYet("import");

    /// <inheritdoc/>
    public override Task<RevertImportResponse> RevertImport(RevertImportRequest request, ServerCallContext context) => throw NotYet("import");

    /// <inheritdoc/>
    public override Task<SetDataAsideResponse> SetDataAside(SetDataAsideRequest request, ServerCallContext context) => throw NotYet("import");

    /// <inheritdoc/>
    public override Task<DataRecord> TakeBackData(TakeBackDataRequest request, ServerCallContext context) => throw NotYet("import");

    /// <inheritdoc/>
    public override Task<DrillServiceResponse> DrillService(IAsyncStreamReader<DrillServiceRequest> requestStream, ServerCallContext context) => throw NotYet("drill");
}
