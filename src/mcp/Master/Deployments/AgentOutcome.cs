using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Master.Deployments;

/// <summary>What became of an operation on its node, by the word of the agent.</summary>
internal abstract record AgentOutcome
{
    /// <summary>It is done.</summary>
    internal sealed record Succeeded(Operation Operation, AgentDeployResult? Deploy) : AgentOutcome;

    /// <summary>It failed after <paramref name="Steps"/>; <paramref name="PutBack"/>: what ran before runs again.</summary>
    internal sealed record Failed(McpException Fault, bool PutBack, IReadOnlyList<StepResult> Steps) : AgentOutcome;

    /// <summary>The agent never heard of it: nothing happened.</summary>
    internal sealed record NeverArrived : AgentOutcome;

    /// <summary>It still runs there.</summary>
    internal sealed record Running : AgentOutcome;

    /// <summary>The agent could not be asked.</summary>
    internal sealed record Unknown(McpException Why) : AgentOutcome;
}
