using Mcp.Names;

namespace Mcp.Transport;

/// <summary>What a person may do.</summary>
internal enum HumanRole
{
    /// <summary>Look.</summary>
    Read,

    /// <summary>Look, and change services (all or those listed).</summary>
    Deploy,

    /// <summary>Everything.</summary>
    Admin,
}

/// <summary>A person's place in the fleet.</summary>
/// <param name="Name">As in the certificate.</param>
/// <param name="Role">What the person may do.</param>
/// <param name="Services">Role deploy: only these; empty: all.</param>
internal sealed record OperatorGrant(string Name, HumanRole Role, IReadOnlyList<string> Services);

/// <summary>
/// Who is known to this role at this moment; asked at every call, so answers come from memory. The master answers from its rows, the agent from
/// what heartbeats brought.
/// </summary>
internal interface IAccessDirectory
{
    /// <summary>The person's role; null: not (or no longer) an operator.</summary>
    OperatorGrant? FindOperator(string name);

    /// <summary>Whether the principal, or this one certificate of it, was revoked.</summary>
    bool IsRevoked(Principal principal, string? serial);

    /// <summary>Whether the node is on the fleet's list; an agent of another is refused although its certificate is good.</summary>
    bool IsNodeAllowed(string node);

    /// <summary>Whether an unused join token is open; Join is served only then.</summary>
    bool IsJoinOpen => false;
}
