using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Names;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Master;

/// <summary>
/// The master's gRPC face: reads what the call says, hands it to the part that does it. Who may call what is decided before, by the gate.
/// This file: services. The others: reading, nodes and people, identity, and what later versions bring.
/// </summary>
internal sealed partial class MasterService(MasterParts parts) : McpMasterService.McpMasterServiceBase
{
    /// <inheritdoc/>
    public override Task<DeployResponse> Deploy(DeployRequest request, ServerCallContext context) =>
        parts.Deploying.DeployAsync(Operation(context, "deploy", Service(request.Service?.Name), request), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<DeployResponse> Rollback(RollbackRequest request, ServerCallContext context) =>
        parts.Deploying.RollbackAsync(Operation(context, "rollback", Service(request.ServiceName), request), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<UndeployResponse> Undeploy(UndeployRequest request, ServerCallContext context) =>
        parts.Undeploying.UndeployAsync(Operation(context, "undeploy", Service(request.ServiceName), request), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<LifecycleResult> Start(LifecycleRequest request, ServerCallContext context) => LifecycleAsync("start", request, context);

    /// <inheritdoc/>
    public override Task<LifecycleResult> Stop(LifecycleRequest request, ServerCallContext context) => LifecycleAsync("stop", request, context);

    /// <inheritdoc/>
    public override Task<LifecycleResult> Restart(LifecycleRequest request, ServerCallContext context) => LifecycleAsync("restart", request, context);

    /// <inheritdoc/>
    public override Task<AdoptResponse> Adopt(AdoptRequest request, ServerCallContext context) =>
        parts.Adopting.AdoptAsync(Operation(context, "adopt", Service(request.Spec?.Name is { Length: > 0 } name ? name : request.ServiceName), request), request, context.CancellationToken);

    /// <inheritdoc/>
    public override Task<PurgeResponse> Purge(PurgeRequest request, ServerCallContext context) =>
        OnceAsync(context, request, () => parts.Purging.PurgeAsync(context.RequireOperation(), request, By(context), CancellationToken.None));

    /// <inheritdoc/>
    public override Task<DataRecord> DataAccept(DataAcceptRequest request, ServerCallContext context) =>
        OnceAsync(context, request, () => parts.Data.AcceptAsync(context.RequireOperation(), request, By(context), CancellationToken.None));

    /// <inheritdoc/>
    public override Task<DataPurgeResponse> DataPurge(DataPurgeRequest request, ServerCallContext context) =>
        OnceAsync(context, request, () => parts.Data.PurgeAsync(context.RequireOperation(), request, By(context), CancellationToken.None));

    // The change itself does not hang on the call that asks for it, since others may have joined; each has limits of its own.
    private Task<T> OnceAsync<T>(ServerCallContext context, Google.Protobuf.IMessage request, Func<Task<T>> body)
        where T : class =>
        parts.Repeated.OnceAsync(context.RequireOperation(), context.Method, By(context), request, body);

    private Task<T> OnceAsync<T>(ServerCallContext context, Google.Protobuf.IMessage request, Func<T> body)
        where T : class =>
        OnceAsync(context, request, () => Task.FromResult(body()));

    private Task<LifecycleResult> LifecycleAsync(string kind, LifecycleRequest request, ServerCallContext context)
    {
        // A migration that holds the service goes back first, whatever its target says; the start then waits for the service's lock as always.
        if (kind == "start" && request.BreakHold)
            parts.Migrating.Break(Service(request.ServiceName));
        return parts.Lifecycle.RunAsync(Operation(context, kind, Service(request.ServiceName), request), request, context.CancellationToken);
    }

    private static OperationRequest Operation(ServerCallContext context, string kind, string service, Google.Protobuf.IMessage message) =>
        new(context.RequireOperation(), kind, service, By(context), message);

    private static string By(ServerCallContext context) => context.GetActor().ToString();

    private static string Service(string? text) =>
        ServiceName.TryParse(text, out var name, out var problem)
            ? name.Value
            : throw new McpException(FaultCode.InvalidArgument, $"the service's name '{Printable.Line(text, 80)}' {problem}");
}
