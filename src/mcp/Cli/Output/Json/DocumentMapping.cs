using Mcp.Text;
using Mcp.V1;

namespace Mcp.Cli.Output.Json;

/// <summary>From the wire to the documents; the wire may change its shape, the documents may not.</summary>
internal static class DocumentMapping
{
    /// <summary>A container on <paramref name="node"/>.</summary>
    public static ContainerDocument ToDocument(this ContainerStatus c, string node) => new(
        node, c.Service, c.Component, c.Name, c.Id, c.State, c.Health, c.ExitCode, c.Image, c.ImageDigest, c.Started, c.Generation, c.Drift,
        [.. c.Ports.Select(ToDocument)]);

    /// <summary>A port.</summary>
    public static PortDocument ToDocument(this HostPort p) => new(p.Route, p.HostIp, p.HostPort_, p.ContainerPort, p.Hostname, p.Listener);

    /// <summary>A node.</summary>
    public static NodeDocument ToDocument(this NodeSummary n) => new(
        n.Name, n.Role, n.Address, n.Arch, n.Status, n.Detail, n.Cordoned, n.Joined, n.Containers, n.Services, n.Version, n.LastHeartbeat,
        n.CertificateExpires, n.DiskFreeBytes, n.MemoryBytes, n.CpuMillicores, n.ObservedAt);

    /// <summary>A finding.</summary>
    public static FindingDocument ToDocument(this Finding f) => new(f.Kind, f.Severity, f.Node, f.Service, f.Message, f.Command, f.Since);

    /// <summary>An observed service.</summary>
    public static ServiceStatusDocument ToDocument(this StatusService s) => new(
        s.Name, s.Node, s.Tier, s.Status, s.Detail, s.Generation, s.Epoch, s.DeployedAt, s.DeployedBy,
        [.. s.Containers.Select(c => c.ToDocument(s.Node))], [.. s.Ports.Select(ToDocument)], s.LastSnapshot, s.ProvenRestore);

    /// <summary>A stored archive.</summary>
    public static SnapshotDocument ToDocument(this Snapshot s) => new(
        s.Id, s.ServiceName, s.Filename, s.Node, s.Epoch, s.CreatedAt, s.Manual, s.Partial, s.SizeBytes, s.FileSha256, s.DataBytes, s.Sha256, s.Entries, s.VerifiedAt, s.Damage,
        s.DrilledAt, [.. s.Skipped.Select(e => new SkippedDocument(PrintableBytes.Line(e.Path.Span), e.Rule))],
        [.. s.Databases.Select(d => new DatabaseDocument(PrintableBytes.Line(d.Path.Span), d.Bytes, d.Method, d.NotChecked))]);

    /// <summary>A registered service.</summary>
    public static ListedServiceDocument ToDocument(this ListedService s) => new(
        s.Name, s.Node, s.Tier, s.State, s.Active, s.Generation, s.Components, s.Pinned, s.Epoch, s.DeployedAt, s.DeployedBy, s.SpecHash);

    /// <summary>A generation.</summary>
    public static GenerationDocument ToDocument(this GenerationRecord g) => new(
        g.Generation, g.At, g.Principal, g.Node, g.SpecHash, g.Operation, [.. g.Images.Select(ToDocument)]);

    /// <summary>An image.</summary>
    public static ImageDocument ToDocument(this ComponentImage i) => new(i.Component, i.Reference, i.Digest);

    /// <summary>A plan for a fleet.</summary>
    public static PlanDocument ToDocument(this Plan p, string fleet) => new(
        p.Id, fleet, p.Changes, p.Removals, p.CoreRemovals, p.Unknown, p.Refused, p.Unseen, [.. p.Entries.Select(ToDocument)]);

    /// <summary>An entry of a plan.</summary>
    public static PlanEntryDocument ToDocument(this PlanEntry e) => new(
        e.Service, e.Action, e.Why, e.Node, e.Interrupts, e.Core, e.State, e.Generation, e.Epoch, e.SpecHash, e.DeployedHash, e.DeployedBy, e.DeployedAt,
        e.Refusal?.What ?? "", e.Refusal?.Hint ?? "", e.Unseen, e.Remark, [.. e.After], [.. e.Changes.Select(c => new FieldChangeDocument(c.Field, c.Old, c.New))]);

    /// <summary>A data record.</summary>
    public static DataRecordDocument ToDocument(this DataRecord d) => new(d.Service, d.Node, d.State, d.Epoch, d.VolumeId, d.Bytes, d.Path, d.Updated);

    /// <summary>An event.</summary>
    public static EventDocument ToDocument(this FleetEvent e) => new(
        e.Id, e.At, e.Severity, e.Kind, e.Node, e.Service, e.Component, e.Principal, e.Operation, e.Message);

    /// <summary>An event of an operation.</summary>
    public static OperationEventDocument ToDocument(this OperationEvent e) => new(
        e.Operation, e.Sequence, e.At, e.Step, e.Message, e.Done, e.Total, e.Unit, e.Node,
        e.Result is { } r ? new StepDocument(r.Step, r.Success, r.Skipped, r.Error, r.Millis) : null,
        e.Outcome is { } o ? new OutcomeDocument(o.Success, o.AlreadyDone, o.Error?.What ?? "", o.Error?.Hint ?? "") : null);
}
