using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Master.Identity;
using Mcp.Master.Migrations;
using Mcp.Master.Registration;
using Mcp.Master.Snapshots;
using Mcp.Placement;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Reading;

/// <summary>The answers about the whole fleet: what was observed, never what was wished.</summary>
internal sealed class FleetStatus(Database database, FleetObservation observation, NodeHealthBoard board, FindingLedger ledger, FleetStatusContext context, TimeProvider clock)
{
    private readonly string _since = Timestamp.Now(clock);
    private readonly KeptRows<PlacementRow> _placements = new("placements", PlacementStore.All);
    private readonly KeptRows<DataRecord> _owners = new("data_records", DataRecordStore.Owners);
    private readonly KeptRows<ReportedService> _reported = new("reported_services", ReportedServiceStore.All);

    /// <summary>Services with their containers as their nodes see them now, and all findings.</summary>
    /// <exception cref="McpException">NotFound: the named service is nowhere.</exception>
    public async Task<StatusResponse> StatusAsync(StatusRequest request, CancellationToken cancellation)
    {
        // Whoever asks for one service wants to see it as it is now.
        var anew = request.ServiceName.Length > 0 && database.Read(c => PlacementStore.Find(c, request.ServiceName)) is { } asked ? new HashSet<string>([asked.Node]) : [];
        var facts = await FactsAsync(stop => observation.LookAsync(anew, stop), cancellation);
        var answers = facts.Answers;
        var placements = facts.Placements.Where(p => request.ServiceName.Length == 0 || p.Service == request.ServiceName).ToList();
        if (request.ServiceName.Length > 0 && placements.Count == 0)
            throw new McpException(FaultCode.NotFound, $"there is no service {Printable.Line(request.ServiceName, 80)}") { Hint = "mcp list" };
        var response = new StatusResponse { Fleet = context.Fleet, Version = context.Version, MasterSince = _since };
        response.Services.AddRange(placements.Select(p => Service(p, answers, facts.Snapshots!)));
        var moves = facts.Open.Where(o => o.Kind == Migrating.Kind).ToList();
        foreach (var service in response.Services)
        {
            if (moves.Find(o => o.Service == service.Name) is { } moving)
                service.Detail = $"is being migrated to {moving.Node}{(moving.Step.Length > 0 ? $" (step {moving.Step})" : "")}: mcp watch {moving.Id}";
        }
        var findings = database.Read(connection => ledger.Describe(connection, FindingRules.Compute(facts), key => FindingRules.CanJudge(facts, key)));
        response.Findings.AddRange(findings.Where(f => request.ServiceName.Length == 0 || Concerns(f, request.ServiceName, placements)));
        response.Nodes.AddRange(database.Read(Nodes));
        foreach (var node in response.Nodes)
        {
            if (answers.GetValueOrDefault(node.Name) is not { Live: { } live } answer)
                continue;
            // Seen now; the heartbeat says what should run, and a node that has just started has sent none.
            (node.ObservedAt, node.Containers) = (answer.At, (uint)live.Containers.Count(c => c.State == "running"));
        }
        return response;
    }

    /// <summary>What the findings of this moment are computed from: every node is asked, then the rows are read.</summary>
    public Task<FindingFacts> FactsAsync(CancellationToken cancellation) => FactsAsync(stop => observation.AskAsync("", "", stop), cancellation);

    private async Task<FindingFacts> FactsAsync(Func<CancellationToken, Task<IReadOnlyDictionary<string, NodeAnswer>>> look, CancellationToken cancellation)
    {
        // What was at work when the nodes were asked, or came and went meanwhile, is not judged by their answers.
        var (from, before) = (Timestamp.Now(clock), database.Read(OperationStore.Open));
        var answers = await look(cancellation);
        return database.Read(connection => Facts(connection, answers, [.. before.Select(o => o.Service), .. OperationStore.AtWorkSince(connection, from)]));
    }

    /// <summary>Every container of every node, and the nodes that could not be asked.</summary>
    public async Task<PsResponse> PsAsync(PsRequest request, CancellationToken cancellation)
    {
        var placements = database.Read(PlacementStore.All);
        var node = request.Node;
        if (node.Length > 0 && database.Read(c => NodeStore.Find(c, node)) is null)
            throw new McpException(FaultCode.NotFound, $"there is no node {Printable.Line(node, 80)}") { Hint = "mcp node list" };
        var response = new PsResponse();
        foreach (var answer in (await observation.AskAsync(request.ServiceName, node, cancellation, withHealth: false)).Values.OrderBy(a => a.Node, StringComparer.Ordinal))
        {
            if (answer.Live is null)
            {
                var silent = new SilentNode { Node = answer.Node, Error = answer.Silence };
                silent.Services.AddRange(placements.Where(p => p.Node == answer.Node).Select(p => p.Service));
                response.Silent.Add(silent);
                continue;
            }
            response.Containers.AddRange(answer.Live.Containers
                .Where(c => request.ServiceName.Length == 0 || c.Service == request.ServiceName)
                .Select(c => new PsContainer { Node = answer.Node, Container = c }));
        }
        return response;
    }

    /// <summary>Every node with what is believed and what was last seen of it.</summary>
    public List<NodeSummary> Nodes(SqliteConnection connection)
    {
        var seen = NodeStore.Observations(connection);
        var placed = PlacementStore.CountByNode(connection);
        var ends = CertificateStore.LastEnds(connection);
        return [.. NodeStore.All(connection).Select(n => Node(n, seen.GetValueOrDefault(n.Name), placed.GetValueOrDefault(n.Name), ends))];
    }

    private NodeSummary Node(NodeRow node, NodeObservation? seen, int services, Dictionary<string, string> ends)
    {
        var condition = board.Of(node.Name);
        return new NodeSummary
        {
            Name = node.Name,
            Role = node.Role,
            Address = node.Address,
            Arch = node.Arch,
            Status = condition.Health switch { NodeHealth.Healthy => "healthy", NodeHealth.Unhealthy => "unhealthy", _ => "unknown" },
            Containers = seen?.Containers ?? 0,
            // A Register counts as one, and has no row.
            LastHeartbeat = condition.LastHeartbeat is { } heard ? Timestamp.Format(heard) : seen?.HeartbeatAt ?? "",
            Services = (uint)services,
            Version = node.Version,
            Cordoned = node.Cordoned,
            Detail = node.Address.Length == 0 ? "has not joined yet" : condition.Detail,
            CertificateExpires = ends.GetValueOrDefault($"agent/{node.Name}", ""),
            Joined = node.JoinedAt is not null,
            DiskFreeBytes = seen?.DiskBytes ?? 0,
            MemoryBytes = seen?.MemoryBytes ?? 0,
            CpuMillicores = seen?.CpuMillicores ?? 0,
        };
    }

    private static StatusService Service(PlacementRow placement, IReadOnlyDictionary<string, NodeAnswer> answers, SnapshotFacts snapshots)
    {
        var answer = answers.GetValueOrDefault(placement.Node);
        var (status, detail) = ServiceJudgement.Of(placement, answer);
        var service = new StatusService
        {
            Name = placement.Service,
            Node = placement.Node,
            Tier = placement.Spec.Tier,
            Status = status,
            Detail = detail,
            Generation = placement.Generation,
            Epoch = placement.Epoch,
            DeployedAt = placement.At,
            DeployedBy = placement.Principal,
            LastSnapshot = snapshots.Newest.GetValueOrDefault(placement.Service)?.CreatedAt ?? "",
            // A drill proves nothing once there is nothing left to restore from.
            ProvenRestore = snapshots.Complete.Contains(placement.Service) ? snapshots.Courses.GetValueOrDefault(placement.Service)?.ProvenAt ?? "" : "",
        };
        if (answer is not null)
            service.Containers.AddRange(ServiceJudgement.ContainersOf(placement, answer));
        service.Ports.AddRange(placement.Ports);
        return service;
    }

    // A finding about the node of a service concerns the service; the master's own concern nobody in particular.
    private static bool Concerns(Finding finding, string service, List<PlacementRow> placements) =>
        finding.Service == service || (finding.Service.Length == 0 && placements.Any(p => p.Node == finding.Node));

    private FindingFacts Facts(SqliteConnection connection, IReadOnlyDictionary<string, NodeAnswer> answers, List<string> atWork) => new()
    {
        Now = clock.GetUtcNow(),
        Version = context.Version,
        Nodes = NodeStore.All(connection),
        Seen = NodeStore.Observations(connection),
        Busy = atWork.Concat(answers.Values.SelectMany(a => a.Live?.Busy ?? [])).ToHashSet(StringComparer.Ordinal),
        Condition = board.Of,
        Answers = answers,
        Placements = _placements.Of(connection),
        Data = _owners.Of(connection),
        Reported = _reported.Of(connection),
        Open = OperationStore.Open(connection),
        IsAtWork = context.IsAtWork,
        CertificateEnds = CertificateStore.LastEnds(connection),
        Awaited = context.Awaited(),
        Estranged = context.Estranged(),
        Snapshots = new SnapshotFacts(
            SnapshotStore.Newest(connection), SnapshotStore.Missing(connection), SnapshotStore.WithComplete(connection), SnapshotCourseStore.All(connection), context.Snapshots.Interval, context.Snapshots.Drill),
    };
}

/// <summary>What a status needs to know beside rows and nodes.</summary>
/// <param name="Fleet">The fleet's name.</param>
/// <param name="Version">This master's.</param>
/// <param name="IsAtWork">Whether an open operation runs in this process.</param>
/// <param name="Awaited">Nodes that a restored master waits for.</param>
/// <param name="Estranged">Nodes that obey another master.</param>
/// <param name="Snapshots">How often they are made and tried out.</param>
internal sealed record FleetStatusContext(
    string Fleet, string Version, Func<string, bool> IsAtWork, Func<IReadOnlyList<string>> Awaited, Func<IReadOnlyList<string>> Estranged, SnapshotSettings Snapshots);
