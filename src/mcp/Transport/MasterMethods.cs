using Google.Protobuf;
using Mcp.V1;

namespace Mcp.Transport;

/// <summary>Who may call what on the master: one line for each method, in the order of the contract.</summary>
internal static class MasterMethods
{
    /// <summary>The table of <c>mcp.v1.McpMasterService</c>.</summary>
    public static readonly AuthorizationTable Table = new(HumanRole.Read,
    [
        // Services. A person limited to some services may change these alone; what names no single service needs the right to all.
        Changing<DeployRequest>("Deploy", r => Of(r.Service?.Name)),
        Changing<UndeployRequest>("Undeploy", r => Of(r.ServiceName)),
        Changing<LifecycleRequest>("Start", r => Of(r.ServiceName)),
        Changing<LifecycleRequest>("Stop", r => Of(r.ServiceName)),
        Changing<LifecycleRequest>("Restart", r => Of(r.ServiceName)),
        Changing<RollbackRequest>("Rollback", r => Of(r.ServiceName)),
        // Sync of a whole directory also removes what the directory lacks, so it may touch any service; a sync of named ones touches these alone.
        // A dry run is the plan, which everybody may see.
        Changing<SyncRequest>("Sync", r => new(r.Only.Count > 0 ? [.. r.Only.Concat(r.Services.Select(s => s.Name)).Distinct()] : null, OnlyReads: r.DryRun)),
        Changing<MigrateRequest>("Migrate", r => new(r.All || r.ServiceName.Length == 0 ? null : [r.ServiceName], OnlyReads: r.DryRun)),
        Changing<AdoptRequest>("Adopt", r => Both(r.ServiceName, r.Spec?.Name)),
        Changing<PurgeRequest>("Purge", r => Of(r.ServiceName)),
        Changing<FileWrite>("Push", r => r.PartCase == FileWrite.PartOneofCase.Start ? Of(r.Start.Service) : null),
        Changing<FileRead>("Pull", r => Of(r.Service)),
        // An image belongs to no service: with it, the image of another one could be replaced under its tag.
        Changing<ImageLoad>("LoadImage", _ => new(null)),

        // Reading. A specification holds environment values, so reading one is audited.
        Reading("Status"),
        Reading("List"),
        Reading("Ps"),
        Reading("GetService", audited: true),
        Reading("History", audited: true),
        Reading("Logs"),
        Reading("Events"),
        Reading("Watch"),
        Reading("ListOperations"),
        Reading("RouteList"),
        Reading("EdgeList"),
        Reading("EdgeStatus"),
        Reading("DnsList"),
        Reading("CertList"),
        Administration("CertImport"),

        // Snapshots hold a service's data: taking, reading and restoring them is for those who may change the service.
        Changing<CreateSnapshotRequest>("CreateSnapshot", r => Of(r.ServiceName)),
        Reading("ListSnapshots"),
        Changing<RestoreSnapshotRequest>("RestoreSnapshot", r => Of(r.ServiceName)),
        Changing<VerifySnapshotRequest>("VerifySnapshot", r => r.All ? new(null) : Of(r.ServiceName)),
        Changing<DownloadSnapshotRequest>("DownloadSnapshot", r => Of(r.ServiceName)),
        Changing<DrillRequest>("Drill", r => Of(r.ServiceName)),

        // Data records: accepting and erasing data cannot be undone.
        Reading("DataList"),
        Administration("DataAccept"),
        Administration("DataPurge"),

        // Nodes and people.
        Reading("ListNodes"),
        Administration("NodeAdd"),
        Administration("NodeRemove"),
        Administration("NodeCordon"),
        Administration("NodeSet"),
        Administration("AcceptMissing"),
        Administration("OperatorAdd"),
        Administration("OperatorRemove"),
        Reading("OperatorList"),
        Administration("Upgrade"),

        // Agents, each for its own node.
        new(Name("Register"), Access.OwnAgent, Audited: true, m => new(null, ((RegisterRequest)m).Name), CallBudget.Register),
        // Every 30 seconds from every node, and it changes nothing but the time of the last one: not audited.
        new(Name("Heartbeat"), Access.OwnAgent, Audited: false, m => new(null, ((HeartbeatRequest)m).Name), CallBudget.Heartbeat),
        new(Name("ReportActions"), Access.OwnAgent, Audited: true),
        new(Name("IssueCertificate"), Access.OwnAgent, Audited: true),

        // Identity.
        new(Name("RenewIdentity"), Access.Self, Audited: true),
        new(Name("Join"), Access.JoinToken, Audited: true),
        new(Name("FleetRoot"), Access.Anybody),
    ]);

    private static string Name(string method) => $"mcp.v1.McpMasterService/{method}";

    private static MethodRule Reading(string method, bool audited = false) => new(Name(method), Access.Reading, audited);

    private static MethodRule Administration(string method) => new(Name(method), Access.Administration, Audited: true);

    private static MethodRule Changing<T>(string method, Func<T, RequestScope?> scope)
        where T : IMessage =>
        new(Name(method), Access.Changing, Audited: true, m => scope((T)m));

    private static RequestScope Of(string? service) => new([service ?? ""]);

    private static RequestScope Both(string first, string? second) =>
        string.IsNullOrEmpty(second) || first == second ? Of(first) : first.Length == 0 ? Of(second) : new([first, second]);
}
