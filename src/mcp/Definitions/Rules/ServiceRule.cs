using Mcp.Names;
using Mcp.V1;

namespace Mcp.Definitions.Rules;

/// <summary>The service's own keys.</summary>
internal static class ServiceRule
{
    public static void Check(ServiceSpec spec, SpecProblems problems)
    {
        if (spec.Name.Length == 0)
            problems.Add("name", "is missing; a service is named by a DNS label, as \"notes\"");
        else if (!ServiceName.TryParse(spec.Name, out _, out var problem))
            problems.Add("name", $"\"{spec.Name}\" {problem}");

        if (spec.Tier is not ("core" or "worker"))
            problems.Add("tier", $"is \"{spec.Tier}\"; allowed are \"core\" and \"worker\"");
        if (spec.Node.Length > 0 && !NodeName.TryParse(spec.Node, out _, out var nodeProblem))
            problems.Add("node", $"\"{spec.Node}\" {nodeProblem}");

        if (spec.Components.Count == 0)
            problems.Add("components", "is missing; a service has at least one [[components]]");
        var names = spec.Components.Select(c => c.Name).ToList();
        for (var i = 0; i < names.Count; i++)
        {
            var first = names.IndexOf(names[i]);
            if (first < i && names[i].Length > 0)
                problems.Add($"components[{i}].name", $"component \"{names[i]}\" is there already, as components[{first}]");
        }
        if (spec.Name == ReservedNames.MasterService)
            CheckMaster(spec, problems);
    }

    /// <summary>The one reserved name that may be deployed is the master itself, and only as contract §13 describes it.</summary>
    private static void CheckMaster(ServiceSpec spec, SpecProblems problems)
    {
        const string only = "the name mcp-master is for the master alone, which needs";
        if (spec.Tier != "core")
            problems.Add("tier", $"is \"{spec.Tier}\"; {only} tier = \"core\"");
        if (spec.Snapshot is not null)
            problems.Add("snapshot", $"is not possible here; {only} mcp master backup instead");
        for (var i = 0; i < spec.Components.Count; i++)
        {
            if (spec.Components[i].Network != "host")
                problems.Add($"components[{i}].network", $"is not \"host\"; {only} network = \"host\"");
        }
    }
}
