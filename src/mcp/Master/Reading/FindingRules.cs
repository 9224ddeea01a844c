using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.Placement;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>Everything that the findings are computed from, at one moment.</summary>
internal sealed record FindingFacts
{
    /// <summary>The present time.</summary>
    public required DateTimeOffset Now { get; init; }

    /// <summary>This master's version.</summary>
    public required string Version { get; init; }

    /// <summary>The allowlist.</summary>
    public required IReadOnlyList<NodeRow> Nodes { get; init; }

    /// <summary>Health by node.</summary>
    public required Func<string, NodeCondition> Condition { get; init; }

    /// <summary>What nodes said just now.</summary>
    public required IReadOnlyDictionary<string, NodeAnswer> Answers { get; init; }

    /// <summary>What should run where.</summary>
    public required IReadOnlyList<PlacementRow> Placements { get; init; }

    /// <summary>Data records.</summary>
    public required IReadOnlyList<DataRecord> Data { get; init; }

    /// <summary>What agents said at Register.</summary>
    public required IReadOnlyList<ReportedService> Reported { get; init; }

    /// <summary>Operations that did not end.</summary>
    public required IReadOnlyList<OperationRow> Open { get; init; }

    /// <summary>The end of each principal's last certificate.</summary>
    public required IReadOnlyDictionary<string, string> CertificateEnds { get; init; }

    /// <summary>Findings that stay until they are resolved.</summary>
    public required IReadOnlyList<Finding> Kept { get; init; }
}

/// <summary>What an operator should know and do something about; pure. Nothing here is repaired by itself.</summary>
internal static class FindingRules
{
    /// <summary>Machines renew with 30 days left; with 20 left a renewal has failed for ten days.</summary>
    private static readonly TimeSpan CertificateWarning = TimeSpan.FromDays(20);

    /// <summary>All findings, worst first.</summary>
    public static List<Finding> Compute(FindingFacts facts) =>
    [
        .. facts.Nodes.SelectMany(n => OfNode(facts, n))
            .Concat(RegistryFindings.Of(facts))
            .Concat(facts.Placements.SelectMany(p => OfPlacement(facts, p)))
            .Concat(Orphans(facts))
            .Concat(Superseded(facts))
            .Concat(Own(facts))
            .Concat(facts.Open.Select(o => OfOpen(facts, o)).OfType<Finding>())
            .Concat(facts.Kept)
            .OrderBy(f => f.Severity switch { "error" => 0, "warning" => 1, _ => 2 })
            .ThenBy(f => f.Node, StringComparer.Ordinal)
            .ThenBy(f => f.Service, StringComparer.Ordinal),
    ];

    private static IEnumerable<Finding> OfNode(FindingFacts facts, NodeRow node)
    {
        var condition = facts.Condition(node.Name);
        if (condition.Health == NodeHealth.Unhealthy && node.JoinedAt is not null)
            yield return New("node unhealthy", "error", node.Name, "", $"{node.Name} {condition.Detail}", "mcp node list", condition.Since);
        if (facts.Answers.GetValueOrDefault(node.Name) is { } answer)
        {
            foreach (var problem in answer.Problems)
                yield return New("node problem", "warning", node.Name, "", $"{node.Name}: {Printable.Line(problem, 500)}", $"mcp events --node {node.Name}", facts.Now);
        }
        if (node.Version.Length > 0 && node.Version != facts.Version)
            yield return New("version skew", "warning", node.Name, "", $"{node.Name} runs mcp {node.Version}, the master {facts.Version}", $"replace the file mcp on {node.Name} and restart its agent", facts.Now);
        if (facts.CertificateEnds.GetValueOrDefault($"agent/{node.Name}") is { } end && Timestamp.Read(end) is { } at && at - facts.Now < CertificateWarning)
        {
            var left = at < facts.Now ? $"expired at {end}" : $"ends at {end}";
            yield return New("certificate expiring", "warning", node.Name, "", $"the certificate of {node.Name} {left} and was not renewed", "see why in the agent's log: journalctl -u mcp-agent", facts.Now);
        }
    }

    private static IEnumerable<Finding> Own(FindingFacts facts)
    {
        if (facts.CertificateEnds.GetValueOrDefault("master/mcp-master") is { } end && Timestamp.Read(end) is { } at && at - facts.Now < CertificateWarning)
            yield return New("certificate expiring", "error", "", "", $"the master's own certificate ends at {end} and was not renewed", "see why in its log: journalctl -u mcp-master", facts.Now);
    }

    private static IEnumerable<Finding> OfPlacement(FindingFacts facts, PlacementRow placement)
    {
        if (placement.Pending)
        {
            if (facts.Open.All(o => o.Service != placement.Service))
            {
                yield return New("unconfirmed", "error", placement.Node, placement.Service,
                    $"the first deploy of {placement.Service} on {placement.Node} failed or was not confirmed", $"mcp deploy {placement.Service}; or mcp undeploy {placement.Service}", At(placement));
            }
            yield break;
        }
        var answer = facts.Answers.GetValueOrDefault(placement.Node);
        var (status, detail) = ServiceJudgement.Of(placement, answer);
        if (status is "stopped" or "unhealthy" && detail.Length > 0)
            yield return New("stale", "error", placement.Node, placement.Service, $"{placement.Service} on {placement.Node}: {detail}", $"mcp logs {placement.Service}; mcp restart {placement.Service}", facts.Now);
        if (answer is not null && ServiceJudgement.ContainersOf(placement, answer).FirstOrDefault(c => c.Drift) is { } drifted)
        {
            yield return New("drift", "warning", placement.Node, placement.Service,
                $"the container of {placement.Service}/{drifted.Component} was changed behind the agent's back", $"mcp deploy {placement.Service}", facts.Now);
        }
        foreach (var route in placement.Spec.Components.SelectMany(c => c.Routes).Where(r => r.Public))
        {
            yield return New("edge route missing", "warning", placement.Node, placement.Service,
                $"{route.Hostname} is not reachable from outside: this version has no proxy yet", $"mcp status {placement.Service}", At(placement));
        }
    }

    private static IEnumerable<Finding> Orphans(FindingFacts facts)
    {
        foreach (var answer in facts.Answers.Values.Where(a => a.Live is not null))
        {
            var services = answer.Live!.Containers.Where(c => c.State == "running" && c.Service.Length > 0).Select(c => c.Service).Distinct();
            foreach (var service in services)
            {
                if (facts.Placements.Any(p => p.Service == service && p.Node == answer.Node) || facts.Open.Any(o => o.Service == service))
                    continue;
                var elsewhere = facts.Placements.FirstOrDefault(p => p.Service == service);
                yield return New("orphan", elsewhere is null ? "warning" : "error", answer.Node, service,
                    elsewhere is null ? $"{service} runs on {answer.Node} without a placement" : $"{service} runs on {answer.Node}, too; its place is {elsewhere.Node}",
                    $"take it over: mcp deploy {service}; or end it there: mcp undeploy {service} --direct -n {answer.Node}", facts.Now);
            }
        }
    }

    private static IEnumerable<Finding> Superseded(FindingFacts facts) =>
        from reported in facts.Reported
        let record = facts.Data.FirstOrDefault(d => d.Service == reported.Service && d.State == "current")
        where record is not null && record.Node != reported.Node && record.Epoch > reported.Epoch && reported.Epoch > 0
        select New("superseded", "warning", reported.Node, reported.Service,
            $"{reported.Node} holds an older copy (epoch {reported.Epoch}) of the data of {reported.Service}; {record.Node} owns epoch {record.Epoch}", $"mcp data list {reported.Service}", facts.Now);

    private static Finding? OfOpen(FindingFacts facts, OperationRow row)
    {
        var started = Timestamp.Read(row.Started) ?? facts.Now;
        // An operation that is simply at work is no finding; one whose node is silent is.
        return row.Node.Length > 0 && facts.Answers.GetValueOrDefault(row.Node)?.Live is null
            ? New("operation open", "error", row.Node, row.Service, $"what became of the {row.Kind} of {row.Service} ({row.Id}) is known to {row.Node} alone, which is silent", $"mcp watch {row.Id}", started)
            : null;
    }

    private static DateTimeOffset At(PlacementRow placement) => Timestamp.Read(placement.At) ?? DateTimeOffset.UnixEpoch;

    /// <summary>A finding; <paramref name="command"/> is what resolves it.</summary>
    internal static Finding New(string kind, string severity, string node, string service, string message, string command, DateTimeOffset since) => new()
    {
        Kind = kind,
        Severity = severity,
        Node = node,
        Service = service,
        Message = message,
        Command = command,
        Since = Timestamp.Format(since),
    };
}
