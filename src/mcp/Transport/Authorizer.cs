using Google.Protobuf;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Names;

namespace Mcp.Transport;

/// <summary>
/// Decides whether a caller may call a method (before its request is read) and whether it may make this request (once its first message is).
/// Pure but for the directory; a refusal is returned, null means yes.
/// </summary>
internal sealed class Authorizer(AuthorizationTable table, IAccessDirectory directory, TimeProvider clock)
{
    /// <summary>Whether <paramref name="caller"/> is somebody: a principal of this fleet that is still one. Null: yes.</summary>
    public McpException? CheckIdentity(Caller caller)
    {
        if (caller.State == CallerState.Local)
            return null;
        if (caller.Principal is not { } principal || caller.State != CallerState.Valid)
        {
            return Refuse(FaultCode.Unauthenticated, caller.State switch
            {
                CallerState.None => "a certificate of this fleet is needed",
                CallerState.Expired => $"the certificate of {caller.Principal} has expired",
                _ => "the certificate is not one of this fleet's",
            }, caller.Problem, caller.State == CallerState.Expired
                ? "a machine renews by itself, mcp renews a person's on use; check the clock, else join or log in again"
                : "mcp login MASTER-ADDRESS with a token of mcp operator add; a node: mcp agent join");
        }
        return directory.IsRevoked(principal, caller.Serial)
            ? Refuse(FaultCode.Unauthenticated, $"{principal} was revoked", null, "an admin can invite it again: mcp operator add, mcp node add")
            : null;
    }

    /// <summary>Whether the caller may call the method of <paramref name="rule"/> at all.</summary>
    public McpException? CheckMethod(MethodRule rule, Caller caller)
    {
        switch (rule.Access)
        {
            case Access.Anybody:
                return null;
            case Access.JoinToken:
                return directory.IsJoinOpen
                    ? null
                    : Refuse(FaultCode.PermissionDenied, "nobody is invited at present", null, "an admin runs mcp node add or mcp operator add; its token is open for an hour");
            case Access.Self when caller is { State: CallerState.Expired, Principal: { } late }:
                return CheckComeback(late, caller);
        }
        if (CheckIdentity(caller) is { } refused)
            return refused;
        var principal = caller.Principal!;
        return (rule.Access, principal.Kind) switch
        {
            (Access.Known, _) => null,
            (Access.Self, _) when caller.State == CallerState.Local => Refuse(FaultCode.PermissionDenied, "the local socket has no certificate to renew"),
            (Access.Self, PrincipalKind.Agent) or (Access.OwnAgent, PrincipalKind.Agent) => CheckNode(principal),
            (Access.Self, PrincipalKind.Human) => CheckRole(principal, caller, HumanRole.Read, rule),
            (Access.Self, PrincipalKind.Master) => null,
            (Access.Reading or Access.Changing or Access.Administration or Access.MasterOnly, PrincipalKind.Master) => null,
            (Access.Reading, PrincipalKind.Human) => CheckRole(principal, caller, table.Readers, rule),
            // Whether a person of role read only asks for a dry run is known when the request is read.
            (Access.Changing, PrincipalKind.Human) => CheckRole(principal, caller, table.Readers, rule),
            (Access.Administration, PrincipalKind.Human) => CheckRole(principal, caller, HumanRole.Admin, rule),
            _ => Refuse(FaultCode.PermissionDenied, $"{principal} may not call {rule.Method}"),
        };
    }

    /// <summary>Whether the caller may make this request; for every message of a stream of requests.</summary>
    public McpException? CheckRequest(MethodRule rule, Caller caller, IMessage message)
    {
        if (rule.Scope is null)
            return null;
        var scope = rule.Scope(message);
        if (rule.Access == Access.OwnAgent)
        {
            return scope?.Node is { } node && node != caller.Principal?.Name
                ? Refuse(FaultCode.PermissionDenied, $"{caller} may not speak for another node")
                : null;
        }
        if (rule.Access != Access.Changing || scope is null || scope.OnlyReads || caller.State == CallerState.Local
            || caller.Principal is not { Kind: PrincipalKind.Human } principal)
        {
            return null;
        }
        var grant = directory.FindOperator(principal.Name);
        if (grant is null || grant.Role < HumanRole.Deploy)
            return CheckRole(principal, caller, HumanRole.Deploy, rule);
        if (grant.Role == HumanRole.Admin || grant.Services.Count == 0)
            return null;
        if (scope.Services is null)
        {
            return Refuse(FaultCode.PermissionDenied, $"{principal} may only change {string.Join(", ", grant.Services)}; {rule.Method} may touch any service",
                null, "name your services where the command takes names (mcp sync <service>…); else ask an admin to do it, or for the right to all services");
        }
        return scope.Services.FirstOrDefault(s => !grant.Services.Contains(s, StringComparer.Ordinal)) is { } foreign
            ? Refuse(FaultCode.PermissionDenied, $"{principal} may not change {Text.Printable.Line(foreign, 80)}", $"only {string.Join(", ", grant.Services)}",
                "ask an admin to do it, or for the right to this service")
            : null;
    }

    /// <summary>
    /// Somebody whose certificate ended asks for a new one. A machine may do so for ever while its node is allowed (the handler compares its key
    /// with the known one); a person only for a while.
    /// </summary>
    private McpException? CheckComeback(Principal principal, Caller caller)
    {
        if (directory.IsRevoked(principal, caller.Serial))
            return Refuse(FaultCode.Unauthenticated, $"{principal} was revoked", null, "an admin can invite it again: mcp operator add, mcp node add");
        if (principal.Kind == PrincipalKind.Human && caller.NotAfter + Lifetimes.HumanGrace < clock.GetUtcNow())
        {
            return Refuse(FaultCode.Unauthenticated, $"the certificate of {principal} expired more than {Lifetimes.HumanGrace.TotalDays:0} days ago",
                null, $"an admin runs mcp operator add {principal.Name}; then mcp login");
        }
        return principal.Kind switch
        {
            PrincipalKind.Agent => CheckNode(principal),
            PrincipalKind.Human => CheckRole(principal, caller, HumanRole.Read, null),
            _ => null,
        };
    }

    private McpException? CheckNode(Principal agent) => directory.IsNodeAllowed(agent.Name)
        ? null
        : Refuse(FaultCode.PermissionDenied, $"the node {agent.Name} is not on the fleet's list", null, $"an admin runs mcp node add {agent.Name} --role ROLE");

    private McpException? CheckRole(Principal human, Caller caller, HumanRole least, MethodRule? rule)
    {
        if (caller.State == CallerState.Local)
            return null;
        var grant = directory.FindOperator(human.Name);
        if (grant is null)
            return Refuse(FaultCode.PermissionDenied, $"{human} is not an operator of this fleet here", null, $"an admin runs mcp operator add {human.Name}");
        return grant.Role >= least
            ? null
            : Refuse(FaultCode.PermissionDenied, $"{human} has the role {Word(grant.Role)}; {rule?.Method ?? "this"} needs {Word(least)}");
    }

    private static string Word(HumanRole role) => role switch
    {
        HumanRole.Read => "read",
        HumanRole.Deploy => "deploy",
        _ => "admin",
    };

    private static McpException Refuse(FaultCode code, string what, string? cause = null, string? hint = null) => new(code, what) { Cause = cause, Hint = hint };
}
