using Grpc.Core;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Agent.Serving;

/// <summary>What leaves a node: the archive of a service and what it would be made of.</summary>
internal sealed partial class AgentService
{
    /// <inheritdoc/>
    public override async Task<DataInspection> InspectData(InspectDataRequest request, ServerCallContext context)
    {
        Obey(context);
        var inspection = await export.InspectAsync(request, context.CancellationToken);
        // Known before anything is stopped: an import here, or setting this data aside, would be refused.
        inspection.NotReplaceable = parts.Folders.ProblemOfReplacing(request.Service) ?? "";
        return inspection;
    }

    /// <inheritdoc/>
    public override async Task ExportServiceData(ExportServiceDataRequest request, IServerStreamWriter<ExportServiceDataResponse> responseStream, ServerCallContext context)
    {
        Obey(context);
        // A write waits until the caller's windows have room: that is what slows the child down, and nothing in between keeps more than a few messages.
        await foreach (var part in export.RunAsync(request, context.GetActor().ToString(), context.CancellationToken))
            await responseStream.WriteAsync(part, context.CancellationToken);
    }
}
