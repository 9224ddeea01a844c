using Grpc.Core;
using Mcp.Master.Deployments;
using Mcp.Master.Reconciliation;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Master;

internal sealed partial class MasterService
{
    /// <inheritdoc/>
    public override async Task<SyncResponse> Sync(SyncRequest request, ServerCallContext context)
    {
        var wanted = SyncPlanning.Checked(request);
        if (!request.DryRun)
        {
            var operation = new OperationRequest(context.RequireOperation(), Syncing.Kind, "", By(context), request);
            return await parts.Syncing.SyncAsync(operation, wanted, context.CancellationToken);
        }
        var plan = await parts.Planning.MakeAsync(wanted, context.CancellationToken);
        return new SyncResponse { Plan = MaySeeValues(context) ? plan : PlanView.Blur(plan) };
    }
}
