using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Planning;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Migrations;

/// <summary>What a request to migrate comes to by the rows: which service, from where, to where, and with which data.</summary>
/// <param name="Service">The service.</param>
/// <param name="Target">Where it goes.</param>
/// <param name="Placement">What runs; null: only data is left of it.</param>
/// <param name="Record">Its current data.</param>
/// <param name="Epoch">Of the data after the move.</param>
internal sealed record MigrationOrder(string Service, string Target, PlacementRow? Placement, DataRecord Record, ulong Epoch)
{
    /// <summary>Where the data is.</summary>
    public string Source => Record.Node;

    /// <summary>"move", "snapshot" or "kept copy".</summary>
    public string Mode { get; private init; } = "move";

    /// <summary>The copy that becomes current again.</summary>
    public DataRecord? Kept { get; private init; }

    /// <summary>RFC 3339; what was written after it is given up.</summary>
    public string GivenUpSince { get; private init; } = "";

    /// <summary>Reads it, or refuses.</summary>
    /// <exception cref="McpException">What is in the way.</exception>
    public static MigrationOrder Of(SqliteConnection connection, MigrateRequest request)
    {
        var undone = request.Undo.Length > 0 ? Undone(connection, request) : null;
        var service = undone?.Service ?? request.ServiceName;
        var target = undone?.Source ?? request.TargetNode;
        var placement = PlacementStore.Find(connection, service);
        var record = DataRecordStore.Current(connection, service)
            ?? throw new McpException(FaultCode.NotFound, $"there is no service {Text.Printable.Line(service, 80)} with data") { Hint = "mcp list; mcp data list" };
        if (placement is { Pending: true })
            throw new McpException(FaultCode.FailedPrecondition, $"the first deploy of {service} on {placement.Node} was not confirmed") { Hint = $"mcp deploy {service}; or mcp undeploy {service}" };
        if (placement is not null && DeployRules.Data(service, placement.Node, placement.Epoch, new DataPlace(record.Node, record.Epoch, record.Spec.Tier)) is { } split)
            throw split;
        if (target.Length == 0)
            throw new McpException(FaultCode.InvalidArgument, "a migration without a target") { Hint = $"mcp migrate {service} --to <node>" };
        var order = new MigrationOrder(service, target, placement, record, DataRecordStore.HighestEpoch(connection, service) + 1);
        return request.FromSnapshot ? order.Declared(request) : undone is null ? order : order.Back(connection, undone, request);
    }

    /// <summary>As the journal keeps it; what nodes know is added by the planner.</summary>
    public MigrationIntent ToIntent(MigrateRequest request)
    {
        var spec = (Placement?.Spec ?? Record.Spec ?? new ServiceSpec { Name = Service }).Clone();
        var pin = spec.Node;
        // The stored definition follows; the operator's own file is his command line's to change.
        if (pin.Length > 0)
            spec.Node = Target;
        var intent = new MigrationIntent
        {
            Request = request,
            Spec = spec,
            Generation = Placement?.Generation ?? 0,
            VolumeId = Kept?.VolumeId ?? Record.VolumeId,
            SourceEpoch = Record.Epoch,
            Source = Source,
            Target = Target,
            Plan = new MigrationPlan
            {
                Mode = Mode,
                Epoch = Epoch,
                Pin = pin,
                Deployed = Placement is not null,
                Running = Placement?.Spec.Active == true,
                GivenUpSince = GivenUpSince,
                Bytes = Record.Bytes,
                Rate = MigrationRules.AssumedRate,
            },
        };
        if (Placement is not null)
            intent.Images.AddRange(Placement.Images);
        return intent;
    }

    private MigrationOrder Declared(MigrateRequest request)
    {
        if (request.Undo.Length > 0 || !request.SourceDead || request.SourceNode != Source)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"a snapshot of {Service} is older than its data on {Source}; it is taken only where {Source} is declared dead")
            {
                State = "nothing was done",
                Hint = $"mcp migrate {Service} --to {Target} --from-snapshot --source-dead {Source}; to go back to a snapshot where it is: mcp snapshot restore {Service}",
            };
        }
        return request.DryRun || request.Confirm == Source
            ? this with { Mode = "snapshot" }
            : throw new McpException(FaultCode.InvalidArgument, $"declaring {Source} dead needs its name typed") { Hint = $"mcp migrate {Service} --to {Target} --from-snapshot --source-dead {Source}" };
    }

    private MigrationOrder Back(SqliteConnection connection, MigrationRow undone, MigrateRequest request)
    {
        if (Source != undone.Target)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{Service} has moved since: it is on {Source}, not on {undone.Target}, where migration {undone.Operation} took it")
            {
                Hint = $"mcp migrate {Service} --to {undone.Source}",
            };
        }
        if (!request.DiscardSince)
            return this;
        var intent = MigrationIntent.Parser.ParseFrom(OperationStore.Find(connection, undone.Operation)!.Request);
        var kept = DataRecordStore.All(connection, Service).Find(r => r.Node == undone.Source && r.VolumeId == intent.VolumeId && r.Epoch == intent.SourceEpoch && r.State == "aside")
            ?? throw new McpException(FaultCode.NotFound, $"the copy of {Service} that was kept on {undone.Source} is not there any more")
            {
                Cause = undone.State == MigrationState.Reaped ? "its time was over, and it was erased" : null,
                Hint = $"go back with the current data: mcp migrate undo {undone.Operation}",
            };
        return !request.DryRun && request.Confirm != Service
            ? throw new McpException(FaultCode.InvalidArgument, $"giving up what {Service} wrote since {undone.Detail.CommittedAt} needs its name typed") { Hint = $"mcp migrate undo {undone.Operation} --discard-since" }
            : this with { Mode = "kept copy", Kept = kept, GivenUpSince = undone.Detail.CommittedAt };
    }

    private static MigrationRow Undone(SqliteConnection connection, MigrateRequest request)
    {
        var row = MigrationStore.Find(connection, request.Undo)
            ?? throw new McpException(FaultCode.NotFound, $"there is no migration {Text.Printable.Line(request.Undo, 80)}") { Hint = "mcp migrate list" };
        if (request.ServiceName.Length > 0 && request.ServiceName != row.Service)
            throw new McpException(FaultCode.InvalidArgument, $"migration {row.Operation} moved {row.Service}, not {Text.Printable.Line(request.ServiceName, 80)}");
        return row.IsCommitted ? row : throw new McpException(
            FaultCode.FailedPrecondition, row.State == MigrationState.Undone ? $"migration {row.Operation} of {row.Service} failed and was put back: there is nothing to undo" : $"migration {row.Operation} of {row.Service} is not over")
        {
            Hint = row.State == MigrationState.Undone ? $"mcp status {row.Service}" : $"mcp watch {row.Operation}",
        };
    }
}
