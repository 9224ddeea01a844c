using Mcp.Definitions.Rules;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>The rules of the contract §3 over a spec; the command line, the master and the agent run the same ones.</summary>
internal static class SpecRules
{
    /// <summary>Every broken rule with its key in the words of the definition (<c>components[0].routes[1].mode</c>); File is "" and Line 0.</summary>
    public static IReadOnlyList<TextProblem> Check(ServiceSpec spec)
    {
        var problems = new SpecProblems();
        // First, and alone if it finds anything: the others take their time from the sizes, and expect text.
        SizeRule.Check(spec, problems);
        if (problems.All.Count > 0)
            return problems.All;

        // What is left out means its default, so only a complete spec is judged.
        spec = SpecBuilder.Complete(spec);
        ServiceRule.Check(spec, problems);
        SnapshotRule.Check(spec, problems);
        HostPathRule.CheckAllowed(spec, problems);
        for (var i = 0; i < spec.Components.Count; i++)
        {
            var component = spec.Components[i];
            var key = $"components[{i}]";
            ComponentRule.Check(spec, component, key, problems);
            VolumeRule.Check(spec, component, key, problems);
            EnvironmentRule.Check(spec, component, key, problems);
            HealthRule.Check(component, key, problems);
            RouteRule.Check(component, key, problems);
        }
        PortRule.Check(spec, problems);
        RouteRule.CheckAcross(spec, problems);
        return problems.All;
    }

    /// <summary>Throws when a rule is broken.</summary>
    /// <exception cref="McpException">InvalidArgument with every problem.</exception>
    public static void Require(ServiceSpec spec)
    {
        var problems = Check(spec);
        if (problems.Count == 0)
            return;
        throw new McpException(FaultCode.InvalidArgument, $"the spec of service '{Text.Printable.Line(spec.Name, 80)}' breaks {(problems.Count == 1 ? "a rule" : $"{problems.Count} rules")}")
        {
            Problems = problems,
            Hint = "mend the definition and deploy again",
        };
    }
}
