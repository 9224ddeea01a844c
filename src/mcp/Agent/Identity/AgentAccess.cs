using Mcp.Agent.Registry;
using Mcp.Names;
using Mcp.Transport;

namespace Mcp.Agent.Identity;

/// <summary>Who is known on this node: what the master's last answers said, kept in the database and answered from memory.</summary>
internal sealed class AgentAccess(StateStore state) : IAccessDirectory
{
    /// <inheritdoc/>
    public OperatorGrant? FindOperator(string name) =>
        state.FindOperator(name) is { } person && RoleOf(person.Role) is { } role ? new OperatorGrant(name, role, person.Services) : null;

    /// <inheritdoc/>
    public bool IsRevoked(Principal principal, string? serial) =>
        state.IsRevoked(principal.ToString()) || (serial is not null && state.IsRevoked(serial));

    /// <summary>Agents never talk to each other.</summary>
    public bool IsNodeAllowed(string node) => false;

    private static HumanRole? RoleOf(string role) => role switch
    {
        "admin" => HumanRole.Admin,
        "deploy" => HumanRole.Deploy,
        "read" => HumanRole.Read,
        _ => null,
    };
}
