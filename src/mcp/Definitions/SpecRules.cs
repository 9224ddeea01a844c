using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Definitions;

/// <summary>The rules of the contract §3 over a spec; the command line, the master and the agent run the same ones.</summary>
internal static class SpecRules
{
    /// <summary>Every broken rule with its key in the words of the definition (<c>components[0].routes[1].mode</c>); File is "" and Line 0.</summary>
    public static IReadOnlyList<TextProblem> Check(ServiceSpec spec) => throw new NotImplementedException();

    /// <summary>Throws when a rule is broken.</summary>
    /// <exception cref="McpException">InvalidArgument with every problem.</exception>
    public static void Require(ServiceSpec spec) => throw new NotImplementedException();
}
