using Mcp.Certificates;

namespace Mcp.Transport;

/// <summary>What a role's server is made of.</summary>
internal sealed class RoleServerOptions
{
    /// <summary>"master" or "agent", for the words of errors and logs.</summary>
    public required string Role { get; init; }

    /// <summary>The fleet's trust domain.</summary>
    public required string Domain { get; init; }

    /// <summary>TCP addresses to listen on: <c>:9444</c>, <c>10.0.0.7:9444</c>, <c>[::1]:0</c>. TLS 1.3 on all. May be empty.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>The Unix socket to listen on, mode 0600; null: none.</summary>
    public string? SocketPath { get; init; }

    /// <summary>What the server presents; needed with <see cref="Addresses"/>.</summary>
    public CredentialSource? Credentials { get; init; }

    /// <summary>The fleet's roots; needed with <see cref="Addresses"/>.</summary>
    public TrustSource? Trust { get; init; }

    /// <summary>Who may call what.</summary>
    public required AuthorizationTable Table { get; init; }

    /// <summary>Who is known.</summary>
    public required IAccessDirectory Access { get; init; }

    /// <summary>Where denials, changes and readings of secrets are written.</summary>
    public required IAuditSink Audit { get; init; }

    /// <summary>The clock by which certificates are judged.</summary>
    public required TimeProvider Clock { get; init; }

    /// <summary>Where the server logs; shared with the role.</summary>
    public required ILoggerFactory Logging { get; init; }

    /// <summary>Registers the role's gRPC services (as instances, where they have state) and whatever they need.</summary>
    public required Action<IServiceCollection> Services { get; init; }

    /// <summary>Maps the gRPC services: <c>endpoints.MapGrpcService&lt;MasterService&gt;()</c>.</summary>
    public required Action<IEndpointRouteBuilder> Map { get; init; }

    /// <summary>Sent with every answer.</summary>
    public required string Version { get; init; }

    /// <summary>Sent with every answer.</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <summary>
    /// Start although no TCP address could be bound, as long as the Unix socket is up; the addresses are tried again with backoff.
    /// An agent does so: its containers matter more than its port. Without it, a start with no TCP address at all fails.
    /// </summary>
    public bool StartWithoutTcp { get; init; }

    /// <summary>Failed authentications that one peer address may have in a minute.</summary>
    public int FailuresPerMinute { get; init; } = 30;
}
