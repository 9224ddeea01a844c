using System.Text.Json.Serialization;

namespace Mcp.Cli.Output.Json;

// The JSON that read commands print with --json: a stable schema (docs/cli.md). Fields are added, never renamed or removed; times are
// RFC 3339 in UTC, sizes are bytes, a missing value is "" or 0, never null. Streams (events, logs, watch) print one document a line.

/// <summary><c>mcp ps --json</c>.</summary>
internal sealed record PsDocument(IReadOnlyList<ContainerDocument> Containers, IReadOnlyList<SilentNodeDocument> Silent);

/// <summary>A container as its node sees it now.</summary>
internal sealed record ContainerDocument(
    string Node, string Service, string Component, string Name, string Id, string State, string Health, int ExitCode, string Image,
    string ImageDigest, string Started, ulong Generation, bool Drift, IReadOnlyList<PortDocument> Ports);

/// <summary>A port of the node that leads to a container.</summary>
internal sealed record PortDocument(string Route, string HostIp, uint HostPort, uint ContainerPort, string Hostname, uint Listener);

/// <summary>A node that could not be asked; its containers are unknown.</summary>
internal sealed record SilentNodeDocument(string Node, string Error, IReadOnlyList<string> Services);

/// <summary><c>mcp list --json</c>.</summary>
internal sealed record ListDocument(IReadOnlyList<ListedServiceDocument> Services, IReadOnlyList<SilentNodeDocument> Silent);

/// <summary>A service as it is registered.</summary>
internal sealed record ListedServiceDocument(
    string Name, string Node, string Tier, string State, bool Active, ulong Generation, uint Components, string Pinned, ulong Epoch,
    string DeployedAt, string DeployedBy, string SpecHash);

/// <summary><c>mcp status --json</c>.</summary>
internal sealed record StatusDocument(
    string Fleet, string Version, string MasterSince, IReadOnlyList<NodeDocument> Nodes, IReadOnlyList<ServiceStatusDocument> Services,
    IReadOnlyList<FindingDocument> Findings);

/// <summary>A service as it was observed.</summary>
internal sealed record ServiceStatusDocument(
    string Name, string Node, string Tier, string Status, string Detail, ulong Generation, ulong Epoch, string DeployedAt, string DeployedBy,
    IReadOnlyList<ContainerDocument> Containers, IReadOnlyList<PortDocument> Ports, string LastSnapshot, string ProvenRestore);

/// <summary>Something that an operator should look at.</summary>
internal sealed record FindingDocument(string Kind, string Severity, string Node, string Service, string Message, string Command, string Since);

/// <summary><c>mcp node list --json</c>.</summary>
internal sealed record NodesDocument(IReadOnlyList<NodeDocument> Nodes);

/// <summary>A node.</summary>
internal sealed record NodeDocument(
    string Name, string Role, string Address, string Arch, string Status, string Detail, bool Cordoned, bool Joined, uint Containers, uint Services,
    string Version, string LastHeartbeat, string CertificateExpires, ulong DiskFreeBytes, ulong MemoryBytes, ulong CpuMillicores, string ObservedAt = "");

/// <summary><c>mcp operator list --json</c>.</summary>
internal sealed record OperatorsDocument(IReadOnlyList<OperatorDocument> Operators);

/// <summary>A person.</summary>
internal sealed record OperatorDocument(string Name, string Role, IReadOnlyList<string> Services, string State, string LastSeen, string CertificateExpires);

/// <summary><c>mcp migrate --dry-run --json</c>.</summary>
internal sealed record MigrationPlansDocument(string Fleet, IReadOnlyList<MigrationPlanDocument> Plans);

/// <summary>What a migration would do, or why it would be refused.</summary>
internal sealed record MigrationPlanDocument(
    string Service, string Source, string Target, string Mode, ulong Bytes, ulong Entries, uint Databases, ulong TargetFreeBytes, long EstimateMillis, bool Interrupts,
    string GivenUpSince, string Snapshot, IReadOnlyList<string> Skipped, string Refusal, string Next);

/// <summary><c>mcp migrate list --json</c>.</summary>
internal sealed record MigrationsDocument(IReadOnlyList<MigrationDocument> Migrations);

/// <summary>One migration.</summary>
internal sealed record MigrationDocument(string Id, string Service, string Target, string State, string Step, string Started, string Ended, string By, string Error);

/// <summary><c>mcp history --json</c>.</summary>
internal sealed record HistoryDocument(string Service, ulong Current, IReadOnlyList<GenerationDocument> Generations);

/// <summary>One deployed version of a service.</summary>
internal sealed record GenerationDocument(
    ulong Generation, string At, string By, string Node, string SpecHash, string Operation, IReadOnlyList<ImageDocument> Images);

/// <summary>The image of a component.</summary>
internal sealed record ImageDocument(string Component, string Reference, string Digest);

/// <summary><c>mcp service show --json</c>; the definition shows no values of <c>env</c>.</summary>
internal sealed record ServiceDocument(
    string Name, string Node, string State, ulong Generation, ulong Epoch, string SpecHash, IReadOnlyList<ImageDocument> Images, string Definition);

/// <summary><c>mcp plan --json</c> and <c>mcp sync --dry-run --json</c>.</summary>
internal sealed record PlanDocument(
    string Id, string Fleet, uint Changes, uint Removals, uint CoreRemovals, uint Unknown, uint Refused, uint Unseen, IReadOnlyList<PlanEntryDocument> Entries);

/// <summary>What is to do with one service.</summary>
internal sealed record PlanEntryDocument(
    string Service, string Action, string Why, string Node, bool Interrupts, bool Core, string State, ulong Generation, ulong Epoch, string SpecHash, string DeployedHash,
    string DeployedBy, string DeployedAt, string Refused, string Hint, string Unseen, string Remark, IReadOnlyList<string> After, IReadOnlyList<FieldChangeDocument> Changes);

/// <summary>A field that differs; values of <c>env</c> are hashes.</summary>
internal sealed record FieldChangeDocument(string Field, string Old, string New);

/// <summary><c>mcp data list --json</c>.</summary>
internal sealed record DataDocument(IReadOnlyList<DataRecordDocument> Records, IReadOnlyList<SilentNodeDocument> Silent);

/// <summary>Where the data of a service is.</summary>
internal sealed record DataRecordDocument(string Service, string Node, string State, ulong Epoch, string VolumeId, ulong Bytes, string Path, string Updated);

/// <summary><c>mcp snapshot list --json</c>; of <c>mcp snapshot create --json</c> the one that was taken.</summary>
internal sealed record SnapshotsDocument(IReadOnlyList<SnapshotDocument> Snapshots);

/// <summary>A stored archive.</summary>
internal sealed record SnapshotDocument(
    ulong Id, string Service, string File, string Node, ulong Epoch, string CreatedAt, bool Manual, bool Partial, ulong Bytes, string FileSha256, ulong DataBytes, string Sha256,
    ulong Entries, string VerifiedAt, string Damage, string DrilledAt, IReadOnlyList<SkippedDocument> Skipped, IReadOnlyList<DatabaseDocument> Databases);

/// <summary>What is not in an archive; <c>path</c> is escaped where it is no text.</summary>
internal sealed record SkippedDocument(string Path, string Rule);

/// <summary>A database in an archive.</summary>
internal sealed record DatabaseDocument(string Path, ulong Bytes, string Method, string NotChecked);

/// <summary><c>mcp snapshot verify --json</c>.</summary>
internal sealed record VerdictsDocument(IReadOnlyList<VerdictDocument> Verdicts);

/// <summary>What reading every byte of a snapshot found.</summary>
internal sealed record VerdictDocument(
    ulong Id, string Service, string File, bool Good, string Error, ulong Entries, ulong DataBytes, IReadOnlyList<string> Databases, IReadOnlyList<string> NotChecked);

/// <summary><c>mcp route list --json</c>.</summary>
internal sealed record RoutesDocument(IReadOnlyList<RouteDocument> Routes);

/// <summary>A route.</summary>
internal sealed record RouteDocument(string Service, string Component, string Node, string Name, string Hostname, uint Listener, string Mode, bool Public, string HostIp, uint HostPort, string State);

/// <summary><c>mcp cert list --json</c>.</summary>
internal sealed record CertificatesDocument(IReadOnlyList<CertificateDocument> Certificates);

/// <summary>A certificate that the fleet issued or keeps.</summary>
internal sealed record CertificateDocument(string Subject, string Kind, string Node, string Source, string Serial, string NotBefore, string NotAfter);

/// <summary><c>mcp ca show --json</c>.</summary>
internal sealed record AuthoritiesDocument(IReadOnlyList<AuthorityDocument> Roots, CertificateDocument Identity);

/// <summary>A root that this machine trusts.</summary>
internal sealed record AuthorityDocument(string Subject, string Sha256, string NotBefore, string NotAfter);

/// <summary>One line of <c>mcp events --json</c>.</summary>
internal sealed record EventDocument(
    ulong Id, string At, string Severity, string Kind, string Node, string Service, string Component, string Principal, string Operation, string Message);

/// <summary>One line of <c>mcp logs --json</c>.</summary>
internal sealed record LogLineDocument(string Component, string Stream, string At, string Line);

/// <summary>One line of <c>mcp watch --json</c>; the last one has an outcome.</summary>
internal sealed record OperationEventDocument(
    string Operation, ulong Sequence, string At, string Step, string Message, long Done, long Total, string Unit, string Node,
    StepDocument? Result, OutcomeDocument? Outcome);

/// <summary>How a step ended.</summary>
internal sealed record StepDocument(string Step, bool Success, bool Skipped, string Error, long Millis);

/// <summary>How an operation ended.</summary>
internal sealed record OutcomeDocument(bool Success, bool AlreadyDone, string Error, string Hint);

/// <summary><c>mcp doctor --json</c>.</summary>
internal sealed record DoctorDocument(IReadOnlyList<DoctorLineDocument> Lines, int Ok, int Warnings, int Errors);

/// <summary>One thing that was looked at; <c>verdict</c> is "ok", "warning" or "error".</summary>
internal sealed record DoctorLineDocument(string Check, string Verdict, string Message, string Remedy);

/// <summary>Generated writers: pretty for documents. Writing alone: nothing here is read back, and readers would be half a megabyte of tables.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Serialization, WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(PsDocument))]
[JsonSerializable(typeof(ListDocument))]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(NodesDocument))]
[JsonSerializable(typeof(OperatorsDocument))]
[JsonSerializable(typeof(HistoryDocument))]
[JsonSerializable(typeof(ServiceDocument))]
[JsonSerializable(typeof(PlanDocument))]
[JsonSerializable(typeof(MigrationPlansDocument))]
[JsonSerializable(typeof(MigrationsDocument))]
[JsonSerializable(typeof(DataDocument))]
[JsonSerializable(typeof(SnapshotsDocument))]
[JsonSerializable(typeof(VerdictsDocument))]
[JsonSerializable(typeof(RoutesDocument))]
[JsonSerializable(typeof(CertificatesDocument))]
[JsonSerializable(typeof(AuthoritiesDocument))]
[JsonSerializable(typeof(DoctorDocument))]
internal sealed partial class CliJson : JsonSerializerContext;

/// <summary>Generated writers: one line for each document of a stream.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Serialization, WriteIndented = false, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(EventDocument))]
[JsonSerializable(typeof(LogLineDocument))]
[JsonSerializable(typeof(OperationEventDocument))]
internal sealed partial class CliJsonLines : JsonSerializerContext;
