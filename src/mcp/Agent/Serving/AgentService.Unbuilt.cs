using Grpc.Core;
using Mcp.V1;

namespace Mcp.Agent.Serving;

/// <summary>Calls whose messages are fixed and whose work belongs to later versions.</summary>
internal sealed partial class AgentService
{
    /// <inheritdoc/>
    public override Task<ImageLoaded> LoadImage(IAsyncStreamReader<ImageLoad> requestStream, ServerCallContext context) => throw NotYet("image push");

    /// <inheritdoc/>
    public override Task<SetupEdgeRouteResponse> SetupEdgeRoute(SetupEdgeRouteRequest request, ServerCallContext context) => throw NotYet("an edge route");

    /// <inheritdoc/>
    public override Task<RemoveEdgeRouteResponse> RemoveEdgeRoute(RemoveEdgeRouteRequest request, ServerCallContext context) => throw NotYet("an edge route");

    /// <inheritdoc/>
    public override Task<ListEdgeRoutesResponse> ListEdgeRoutes(ListEdgeRoutesRequest request, ServerCallContext context)
    {
        Obey(context);
        return Task.FromResult(new ListEdgeRoutesResponse());
    }

    /// <inheritdoc/>
    public override Task Upgrade(IAsyncStreamReader<UpgradePart> requestStream, IServerStreamWriter<UpgradeProgress> responseStream, ServerCallContext context) =>
        throw NotYet("upgrade");
}
