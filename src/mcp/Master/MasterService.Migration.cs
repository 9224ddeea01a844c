using Grpc.Core;
using Mcp.V1;

namespace Mcp.Master;

/// <summary>Moving a service with its data.</summary>
internal sealed partial class MasterService
{
    /// <inheritdoc/>
    public override Task<MigrateResponse> Migrate(MigrateRequest request, ServerCallContext context) => throw Later("migration", "mcp undeploy, move /srv/<service> by hand, mcp data accept on the new node, mcp deploy");
}
