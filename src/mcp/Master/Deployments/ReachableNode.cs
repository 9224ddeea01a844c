using Mcp.Errors;
using Mcp.Master.Registration;
using Mcp.Placement;

namespace Mcp.Master.Deployments;

/// <summary>A change is refused at once where its node is known to be away: begun, it would hang until its time limit and leave the outcome open.</summary>
internal static class ReachableNode
{
    /// <summary>Refuses when the node is unhealthy.</summary>
    /// <exception cref="McpException">FailedPrecondition.</exception>
    public static void Require(NodeHealthBoard board, string node, string what)
    {
        if (board.Of(node) is not { Health: NodeHealth.Unhealthy } condition)
            return;
        throw new McpException(FaultCode.FailedPrecondition, $"{what}: node {node} {condition.Detail}")
        {
            Node = node,
            State = "nothing was done",
            Hint = $"bring {node} back (mcp node list); a node that is lost for good: mcp node remove {node} --lost",
        };
    }
}
