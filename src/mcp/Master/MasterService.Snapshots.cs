using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Snapshots;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master;

/// <summary>Snapshots, restores and drills.</summary>
internal sealed partial class MasterService
{
    /// <inheritdoc/>
    public override Task<CreateSnapshotResponse> CreateSnapshot(CreateSnapshotRequest request, ServerCallContext context)
    {
        var subject = Subject(request.ServiceName);
        var operation = Operation(context, SnapshotTaking.Kind, subject.Key, request);
        // The journal is of services; what has no service is remembered for a while.
        return subject.IsService
            ? parts.Snapshots.Taking.CreateAsync(operation, subject, request, context.CancellationToken)
            : OnceAsync(context, request, () => parts.Snapshots.Taking.CreateAsync(operation, subject, request, CancellationToken.None));
    }

    /// <inheritdoc/>
    public override Task<ListSnapshotsResponse> ListSnapshots(ListSnapshotsRequest request, ServerCallContext context) => Task.FromResult(parts.Snapshots.Answers.List(request));

    /// <inheritdoc/>
    public override Task<RestoreSnapshotResponse> RestoreSnapshot(RestoreSnapshotRequest request, ServerCallContext context) =>
        parts.Snapshots.Restoring.RestoreAsync(Operation(context, Restoring.Kind, Data(request.ServiceName), request), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<VerifySnapshotResponse> VerifySnapshot(VerifySnapshotRequest request, ServerCallContext context) =>
        OnceAsync(context, request, Verification(Operation(context, "verify", request.All && request.ServiceName.Length == 0 ? "" : Subject(request.ServiceName).Key, request), request));

    /// <inheritdoc/>
    public override Task DownloadSnapshot(DownloadSnapshotRequest request, IServerStreamWriter<DownloadSnapshotResponse> responseStream, ServerCallContext context) =>
        UntilTheEndAsync(context, stop => parts.Snapshots.Answers.DownloadAsync(request, responseStream, By(context), stop));

    /// <inheritdoc/>
    public override Task<DrillResponse> Drill(DrillRequest request, ServerCallContext context) =>
        OnceAsync(context, request, Trial(Operation(context, "drill", Data(request.ServiceName), request), request));

    private Func<Task<VerifySnapshotResponse>> Verification(OperationRequest operation, VerifySnapshotRequest request) =>
        () => parts.Snapshots.Answers.VerifyAsync(operation, request, CancellationToken.None);

    private Func<Task<DrillResponse>> Trial(OperationRequest operation, DrillRequest request) => () => parts.Snapshots.Drilling.DrillAsync(operation, request, CancellationToken.None);

    // A service's name, or one of the reserved names under which the control plane keeps its own state.
    private static SnapshotSubject Subject(string text) => SnapshotSubject.TryParse(text, out var subject)
        ? subject
        : throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(text, 80)}' is no service") { Hint = "mcp snapshot list" };

    // What is restored into: only services.
    private static string Data(string text) => Subject(text) is { IsService: true } subject
        ? subject.Name
        : throw new McpException(FaultCode.InvalidArgument, $"{Printable.Line(text, 80)} is state of the control plane; it is not restored from here") { Hint = "docs/operations.md, \"A node is lost\" and \"The master is lost\"" };
}
