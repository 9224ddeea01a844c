using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.Placement;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>
/// What an operator should know and do something about; pure. Nothing here is repaired by itself, and each finding names the command that
/// resolves it, alternatives separated by semicolons. A finding without a time of its own gets the one at which it was first seen.
/// Services are judged in <see cref="ServiceFindings"/>, data in <see cref="DataFindings"/>,
/// snapshots in <see cref="SnapshotFindings"/>.
/// </summary>
internal static class FindingRules
{
    /// <summary>A clock that is farther off spoils logs and, sooner or later, certificates.</summary>
    public static readonly TimeSpan SkewLimit = TimeSpan.FromSeconds(30);

    /// <summary>Machines renew with 30 days left; with 20 left a renewal has failed for ten days.</summary>
    private static readonly TimeSpan CertificateWarning = TimeSpan.FromDays(20);

    /// <summary>Twice the longest time that an operation may take.</summary>
    private static readonly TimeSpan LongOperation = TimeSpan.FromMinutes(10);

    /// <summary>All findings of these facts, worst first, one for each thing that they are about.</summary>
    public static List<Finding> Compute(FindingFacts facts)
    {
        var index = new FindingIndex(facts);
        return WorstFirst(Own(facts)
            .Concat(facts.Nodes.SelectMany(n => OfNode(facts, n)))
            .Concat(Clocks(facts))
            .Concat(facts.Placements.SelectMany(p => ServiceFindings.Of(facts, index, p)))
            .Concat(ServiceFindings.Orphans(facts, index))
            .Concat(DataFindings.Of(facts))
            .Concat(SnapshotFindings.Of(facts))
            .Concat(RegistryFindings.Of(facts, index))
            .Concat(facts.Open.Select(o => OfOpen(facts, o)).OfType<Finding>())
            .DistinctBy(FindingKey.Of));
    }

    /// <summary>Errors, then warnings, then the rest; by node and service.</summary>
    public static List<Finding> WorstFirst(IEnumerable<Finding> findings) =>
    [
        .. findings
            .OrderBy(f => f.Severity switch { "error" => 0, "warning" => 1, _ => 2 })
            .ThenBy(f => f.Node, StringComparer.Ordinal)
            .ThenBy(f => f.Service, StringComparer.Ordinal)
            .ThenBy(f => f.Kind, StringComparer.Ordinal),
    ];

    /// <summary>Whether a kind is observed on nodes, where a moment's appearance proves nothing.</summary>
    public static bool IsObserved(string kind) =>
        kind is "node unhealthy" or "node problem" or "clock skew" or "stale" or "drift" or "orphan" or "operation open" or "term refused";

    /// <summary>Whether a noticed finding ends when it is not noticed any more.</summary>
    public static bool EndsBySilence(string kind) => kind is "cloned identity";

    /// <summary>
    /// Whether these facts can tell that a finding is over. Silence cannot: a node that was not heard, or a service that somebody works on, stays
    /// as it was judged last. A node or placement that is gone takes its findings with it.
    /// </summary>
    public static bool CanJudge(FindingFacts facts, FindingKey key)
    {
        if (key.Service.Length > 0 && facts.Busy.Contains(key.Service) && key.Kind is "stale" or "drift" or "orphan")
            return false;
        if (key.Node.Length > 0 && facts.Nodes.All(n => n.Name != key.Node))
            return true;
        return key.Kind switch
        {
            "stale" or "drift" => facts.Placements.All(p => p.Service != key.Service || p.Node != key.Node) || IsHeard(facts, key.Node),
            "orphan" or "node problem" => IsHeard(facts, key.Node),
            "unconfirmed" when key.Service.Length == 0 => IsHeard(facts, key.Node),
            "node behind" => facts.Condition(key.Node).Registered,
            "node unhealthy" => facts.Condition(key.Node).Health != NodeHealth.Unknown,
            "clock skew" => key.Node.Length == 0 || facts.Condition(key.Node).Skew is not null,
            _ => true,
        };
    }

    /// <summary>A finding without a time of its own, unless <paramref name="since"/> gives one.</summary>
    public static Finding New(string kind, string severity, string node, string service, string message, string command, DateTimeOffset? since = null) => new()
    {
        Kind = kind,
        Severity = severity,
        Node = node,
        Service = service,
        Message = message,
        Command = command,
        Since = since is { } at ? Timestamp.Format(at) : "",
    };

    private static bool IsHeard(FindingFacts facts, string node) => facts.Answers.GetValueOrDefault(node)?.Live is not null;

    private static IEnumerable<Finding> OfNode(FindingFacts facts, NodeRow node)
    {
        var name = node.Name;
        var condition = facts.Condition(name);
        if (condition.Health == NodeHealth.Unhealthy && node.JoinedAt is not null)
            yield return New("node unhealthy", "error", name, "", $"{name} {condition.Detail}", $"mcp node list; on {name}: systemctl restart mcp-agent", condition.Since);
        if (facts.Answers.GetValueOrDefault(name) is { Live: not null } answer)
        {
            if (answer.Problems.Count > 0)
                yield return New("node problem", "warning", name, "", $"{name}: {string.Join("; ", answer.Problems.Select(p => Printable.Line(p, 500)))}", $"mcp status --direct -n {name}; mcp events --node {name}");
            if (answer.Unconfirmed)
            {
                yield return New("unconfirmed", "warning", name, "",
                    $"{name} started its services without the master's word that they are still its own, and has not registered since", $"on {name}: systemctl restart mcp-agent");
            }
        }
        if (node.Version.Length > 0 && node.Version != facts.Version)
            yield return New("version skew", "warning", name, "", $"{name} runs mcp {node.Version}, the master {facts.Version}", $"on {name}: put the master's version of the program in place, then systemctl restart mcp-agent");
        if (Certificate(facts, $"agent/{name}") is { } words)
            yield return New("certificate expiring", "warning", name, "", $"the certificate of {name} {words} and was not renewed", $"on {name}: journalctl -u mcp-agent");
    }

    private static IEnumerable<Finding> Own(FindingFacts facts)
    {
        if (Certificate(facts, "master/mcp-master") is { } words)
            yield return New("certificate expiring", "error", "", "", $"the master's own certificate {words} and was not renewed", "on the master's machine: journalctl -u mcp-master");
        if (facts.Awaited.Count > 0)
        {
            yield return New("restored", "error", "", "",
                $"this master was restored from a copy and changes nothing before it has heard what each node holds; it waits for {string.Join(", ", facts.Awaited)}",
                $"bring them back; or go on without one that is lost: mcp master accept-missing {facts.Awaited[0]}");
        }
        foreach (var node in facts.Estranged)
            yield return New("term refused", "error", node, "", $"{node} obeys a master of a higher term and refuses this one", $"mcp status --direct -n {node}; if there is no other master: mcp node remove {node} --lost");
    }

    // Where most clocks are wrong in the same way, it is the one that they are compared with.
    private static IEnumerable<Finding> Clocks(FindingFacts facts)
    {
        var heard = facts.Nodes.Select(n => (n.Name, facts.Condition(n.Name).Skew)).Where(n => n.Skew is not null).Select(n => (n.Name, Skew: n.Skew!.Value)).ToList();
        var off = heard.FindAll(n => n.Skew.Duration() > SkewLimit);
        if (off.Count > 1 && off.Count * 2 > heard.Count && off.Max(n => n.Skew) - off.Min(n => n.Skew) < SkewLimit)
        {
            return
            [
                New("clock skew", "warning", "", "",
                    $"the clocks of {off.Count} of {heard.Count} nodes are {Words(off[0].Skew)} the master's: the master's own is the likely one", "on the master's machine: timedatectl set-ntp true"),
            ];
        }
        return off.Select(n => New("clock skew", "warning", n.Name, "", $"the clock of {n.Name} is {Words(n.Skew)} the master's", $"on {n.Name}: timedatectl set-ntp true"));
    }

    private static Finding? OfOpen(FindingFacts facts, OperationRow row)
    {
        // An operation that is simply at work is no finding; one whose node is silent, or that does not end, is.
        if (facts.IsAtWork(row.Id) || row.Node.Length == 0)
            return null;
        var started = Timestamp.Read(row.Started) ?? facts.Now;
        if (!IsHeard(facts, row.Node))
        {
            return New("operation open", "error", row.Node, row.Service,
                $"what became of the {row.Kind} of {row.Service} ({row.Id}) is known to {row.Node} alone, which is silent", $"mcp watch {row.Id}; mcp node list; if the node is lost: mcp node remove {row.Node} --lost", started);
        }
        return facts.Now - started < LongOperation
            ? null
            : New("operation open", "warning", row.Node, row.Service, $"the {row.Kind} of {row.Service} ({row.Id}) is open since {row.Started}, and {row.Node} is still at it", $"mcp watch {row.Id}", started);
    }

    private static string? Certificate(FindingFacts facts, string principal) =>
        facts.CertificateEnds.GetValueOrDefault(principal) is { } end && Timestamp.Read(end) is { } at && at - facts.Now < CertificateWarning
            ? at < facts.Now ? $"expired at {end}" : $"ends at {end}"
            : null;

    private static string Words(TimeSpan skew) =>
        $"{(skew.Duration() < TimeSpan.FromMinutes(2) ? $"{skew.Duration().TotalSeconds:0} s" : $"{skew.Duration().TotalMinutes:0} min")} {(skew > TimeSpan.Zero ? "ahead of" : "behind")}";
}
