using Grpc.Core;
using Mcp.V1;

namespace Mcp.Agent.Serving;

/// <summary>What leaves a node: the archive of a service and what it would be made of.</summary>
internal sealed partial class AgentService
{
    /// <inheritdoc/>
    public override Task<DataInspection> InspectData(InspectDataRequest request, ServerCallContext context) => throw NotYet("export");

    /// <inheritdoc/>
    public override Task ExportServiceData(ExportServiceDataRequest request, IServerStreamWriter<ExportServiceDataResponse> responseStream, ServerCallContext context) =>
        throw NotYet("export");
}
