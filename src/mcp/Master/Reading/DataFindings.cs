using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>Where the fleet's records of data and what agents said at Register do not agree; pure. Nothing is chosen here: epochs choose, or people.</summary>
internal static class DataFindings
{
    /// <summary>All of them.</summary>
    public static IEnumerable<Finding> Of(FindingFacts facts)
    {
        var reported = facts.Reported.ToLookup(r => r.Service, StringComparer.Ordinal);
        foreach (var record in facts.Data.Where(d => d.State == "current"))
        {
            var (service, owner) = (record.Service, record.Node);
            foreach (var copy in reported[service].Where(r => r.Node != owner && r.Epoch > 0))
            {
                if (copy.Epoch < record.Epoch)
                {
                    yield return FindingRules.New("superseded", "warning", copy.Node, service,
                        $"{copy.Node} holds an older copy (epoch {copy.Epoch}) of the data of {service}; {owner} owns epoch {record.Epoch}", Erase(service, copy.Node, copy.Generation > 0));
                }
                else if (copy.Epoch == record.Epoch)
                {
                    yield return FindingRules.New("contested data", "error", copy.Node, service,
                        $"{owner} and {copy.Node} both hold the data of {service} in epoch {record.Epoch}, and neither yields to an equal one; the record says {owner}",
                        $"mcp data list {service}; if {owner} is right: mcp data accept {service} --on {owner}");
                }
            }
            // What an agent said before the record was written cannot contradict it.
            if (facts.Seen.GetValueOrDefault(owner)?.RegisteredAt is not { } registered || string.CompareOrdinal(registered, record.Updated) <= 0)
                continue;
            var own = reported[service].FirstOrDefault(r => r.Node == owner);
            if (own is null)
            {
                yield return FindingRules.New("data missing", "error", owner, service,
                    $"the fleet's record says that {owner} holds the data of {service} in epoch {record.Epoch}, but its agent does not know of any",
                    $"mcp data list {service} --direct -n {owner}; if the data lies there: mcp data accept {service} --on {owner}", Timestamp.Read(registered));
            }
            else if (own.Epoch < record.Epoch)
            {
                yield return FindingRules.New("data behind", "error", owner, service,
                    $"{owner} holds the data of {service} in epoch {own.Epoch}, the fleet's record says epoch {record.Epoch}: its registry is an older copy",
                    $"mcp data list {service}; if the data is right: mcp data accept {service} --on {owner}");
            }
        }
    }

    private static string Erase(string service, string node, bool deployed) =>
        $"{(deployed ? $"mcp undeploy {service} --direct -n {node}; then " : "")}mcp data purge {service} --on {node}";
}
