using Mcp.Names;

namespace Mcp.Transport;

/// <summary>The budgets of identities and of peers that fail to authenticate; one for each server.</summary>
internal sealed class CallLimits
{
    /// <summary>Lets the next Register of <paramref name="agent"/> pass whatever its budget: the master just answered <c>register_again</c>.</summary>
    public void GrantRegister(Principal agent) => throw new NotImplementedException(agent.Name);
}
