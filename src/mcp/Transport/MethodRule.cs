using Google.Protobuf;

namespace Mcp.Transport;

/// <summary>Whom a method is for (SPEC §5).</summary>
internal enum Access
{
    /// <summary>Any authenticated caller: grpc.health.v1.</summary>
    Known,

    /// <summary>The master, and people: role read or more on the master, deploy or more on an agent.</summary>
    Reading,

    /// <summary>The master, and people of role deploy (within their services) or admin.</summary>
    Changing,

    /// <summary>The master, and people of role admin.</summary>
    Administration,

    /// <summary>The master alone; not even the local socket.</summary>
    MasterOnly,

    /// <summary>An agent of an allowed node, and only about its own node.</summary>
    OwnAgent,

    /// <summary>Every principal for itself, also with an expired certificate.</summary>
    Self,

    /// <summary>Anybody, while a join token is open; the token in the request decides.</summary>
    JoinToken,

    /// <summary>Anybody at any time: FleetRoot.</summary>
    Anybody,
}

/// <summary>What a request is about, as far as authorization cares.</summary>
/// <param name="Services">The services that it names; null: it may touch any, so a person limited to some services is refused.</param>
/// <param name="Node">The node that it says it comes from (methods of agents); null where it names none.</param>
/// <param name="OnlyReads">It changes nothing, although its method may: a dry run.</param>
internal sealed record RequestScope(IReadOnlyList<string>? Services, string? Node = null, bool OnlyReads = false);

/// <summary>The rule of one method.</summary>
/// <param name="Method"><c>mcp.v1.McpMasterService/Deploy</c>.</param>
/// <param name="Access">Whom it is for.</param>
/// <param name="Audited">Whether each call leaves an audit row: it changes something, or reads data or secrets. Denials always do.</param>
/// <param name="Scope">What a request is about; null for a message of a stream after the first that says nothing, and for methods without services.</param>
/// <param name="Budget">The rate at which one identity may call it.</param>
internal sealed record MethodRule(string Method, Access Access, bool Audited = false, Func<IMessage, RequestScope?>? Scope = null, CallBudget Budget = CallBudget.None);

/// <summary>Rates per identity (SPEC §5).</summary>
internal enum CallBudget
{
    /// <summary>No limit of its own.</summary>
    None,

    /// <summary>1 a minute, after some at once (<see cref="CallLimits.RegisterBurst"/>).</summary>
    Register,

    /// <summary>1 in 10 seconds.</summary>
    Heartbeat,
}
