using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Migrations;
using Mcp.Names;
using Mcp.V1;

namespace Mcp.Master;

/// <summary>Moving a service with its data.</summary>
internal sealed partial class MasterService
{
    /// <inheritdoc/>
    public override Task<MigrateResponse> Migrate(MigrateRequest request, ServerCallContext context)
    {
        if (request.All)
            return MigrateAllAsync(request, context);
        // Undone by its id alone, the service is that of the migration; whoever may change some services only has to name it.
        var service = request.ServiceName.Length == 0 && request.Undo.Length > 0
            ? parts.Database.Read(c => MigrationStore.Find(c, request.Undo))?.Service ?? throw new McpException(FaultCode.NotFound, $"there is no migration {Text.Printable.Line(request.Undo, 80)}") { Hint = "mcp migrate list" }
            : Service(request.ServiceName);
        return request.DryRun
            ? parts.Migrating.DryRunAsync(request, By(context), context.CancellationToken)
            : parts.Migrating.MigrateAsync(Operation(context, Migrating.Kind, service, request), request, context.CancellationToken);
    }

    private Task<MigrateResponse> MigrateAllAsync(MigrateRequest request, ServerCallContext context)
    {
        if (request.ServiceName.Length > 0 || request.Undo.Length > 0 || request.FromSnapshot)
            throw new McpException(FaultCode.InvalidArgument, "--all takes every service of a node, so it goes with no service, no undo and no snapshot") { Hint = "mcp migrate --all --from <node> --to <node>" };
        if (!NodeName.TryParse(request.SourceNode, out _, out _) || !NodeName.TryParse(request.TargetNode, out _, out _))
            throw new McpException(FaultCode.InvalidArgument, "--all needs the node that is emptied and the one that takes its services") { Hint = "mcp migrate --all --from <node> --to <node>" };
        return request.DryRun
            ? parts.MigratingAll.DryRunAsync(request, By(context), context.CancellationToken)
            : parts.MigratingAll.MigrateAsync(Operation(context, MigratingAll.Kind, "", request), request, context.CancellationToken);
    }
}
