using Mcp.Master.Deployments;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>What is not as it should be with services: where they are placed, and where they run without being placed. Pure.</summary>
internal static class ServiceFindings
{
    /// <summary>Of one placement.</summary>
    public static IEnumerable<Finding> Of(FindingFacts facts, FindingIndex index, PlacementRow placement)
    {
        var (service, node) = (placement.Service, placement.Node);
        if (placement.Pending)
        {
            if (!index.IsOpen(service))
            {
                yield return FindingRules.New("unconfirmed", "error", node, service,
                    $"the first deploy of {service} on {node} failed or was not confirmed", $"mcp deploy {service}; mcp undeploy {service}", At(placement));
            }
            yield break;
        }
        var answer = facts.Answers.GetValueOrDefault(node);
        if (answer?.Live is not null && !facts.Busy.Contains(service))
        {
            if (ServiceJudgement.Of(placement, answer) is { IsWrong: true } verdict)
            {
                // Where the data has gone elsewhere, its agent starts it no more: the placement has to follow.
                var moved = index.OwnerOf(service) is { } owner && owner.Node != node ? owner : null;
                // Without any container there is nothing to read or to restart: it was undeployed there, or removed by hand.
                var command = ServiceJudgement.ContainersOf(placement, answer).Count == 0 ? $"mcp deploy {service}"
                    : $"mcp logs {service}; mcp {(placement.Spec.Active ? "restart" : "stop")} {service}";
                yield return moved is null
                    ? FindingRules.New("stale", "error", node, service, $"{service} on {node}: {verdict.Detail}", command)
                    : FindingRules.New("stale", "error", node, service, $"{service} on {node}: {verdict.Detail}; its data is owned by {moved.Node} in epoch {moved.Epoch}", $"mcp undeploy {service}; mcp deploy {service}");
            }
            if (ServiceJudgement.ContainersOf(placement, answer).FirstOrDefault(c => c.Drift) is { } drifted)
                yield return FindingRules.New("drift", "warning", node, service, $"the container of {service}/{drifted.Component} was changed behind the agent's back", $"mcp deploy {service}");
        }
        if (placement.Spec.Components.Any(c => c.Routes.Any(r => r.Public)))
        {
            var unreachable = placement.Spec.Components.SelectMany(c => c.Routes).Where(r => r.Public).Select(r => r.Hostname).Distinct().ToList();
            yield return FindingRules.New("edge route missing", "warning", node, service,
                $"{string.Join(", ", unreachable)} {(unreachable.Count == 1 ? "is" : "are")} not reachable from outside: this version has no proxy yet", "mcp route list", At(placement));
        }
    }

    /// <summary>What runs without a placement: deployed without the master, or left by a node that came back.</summary>
    public static IEnumerable<Finding> Orphans(FindingFacts facts, FindingIndex index)
    {
        foreach (var answer in facts.Answers.Values.Where(a => a.Live is not null))
        {
            foreach (var service in answer.Live!.Containers.Where(c => c.State == "running" && c.Service.Length > 0).Select(c => c.Service).Distinct())
            {
                var place = index.PlacementOf(service);
                if (facts.Busy.Contains(service) || place?.Node == answer.Node)
                    continue;
                yield return place is { } elsewhere
                    ? FindingRules.New("orphan", "error", answer.Node, service, $"{service} runs on {answer.Node}, too; its place is {elsewhere.Node}", $"mcp undeploy {service} --direct -n {answer.Node}")
                    : FindingRules.New("orphan", "warning", answer.Node, service, $"{service} runs on {answer.Node} without a placement",
                        $"take it over: mcp deploy {service}; or end it there: mcp undeploy {service} --direct -n {answer.Node}");
            }
        }
    }

    private static DateTimeOffset? At(PlacementRow placement) => Timestamp.Read(placement.At);
}
