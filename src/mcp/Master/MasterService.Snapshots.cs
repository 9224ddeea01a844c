using Grpc.Core;
using Mcp.V1;

namespace Mcp.Master;

/// <summary>Snapshots, restores and drills.</summary>
internal sealed partial class MasterService
{
    /// <inheritdoc/>
    public override Task<CreateSnapshotResponse> CreateSnapshot(CreateSnapshotRequest request, ServerCallContext context) => throw Later("snapshots");

    /// <inheritdoc/>
    public override Task<ListSnapshotsResponse> ListSnapshots(ListSnapshotsRequest request, ServerCallContext context) => throw Later("snapshots");

    /// <inheritdoc/>
    public override Task<RestoreSnapshotResponse> RestoreSnapshot(RestoreSnapshotRequest request, ServerCallContext context) => throw Later("snapshots");

    /// <inheritdoc/>
    public override Task<VerifySnapshotResponse> VerifySnapshot(VerifySnapshotRequest request, ServerCallContext context) => throw Later("snapshots");

    /// <inheritdoc/>
    public override Task DownloadSnapshot(DownloadSnapshotRequest request, IServerStreamWriter<DownloadSnapshotResponse> responseStream, ServerCallContext context) => throw Later("snapshots");

    /// <inheritdoc/>
    public override Task<DrillResponse> Drill(DrillRequest request, ServerCallContext context) => throw Later("drills");
}
