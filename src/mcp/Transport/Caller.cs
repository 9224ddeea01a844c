using Mcp.Names;

namespace Mcp.Transport;

/// <summary>How well a caller is known.</summary>
internal enum CallerState
{
    /// <summary>It presented no certificate.</summary>
    None,

    /// <summary>It presented one that is not of this fleet.</summary>
    Untrusted,

    /// <summary>It is a principal of this fleet whose certificate's time is over.</summary>
    Expired,

    /// <summary>It is a principal of this fleet.</summary>
    Valid,

    /// <summary>It opened the role's Unix socket as root or as the role's own user.</summary>
    Local,
}

/// <summary>Who is calling, and from where.</summary>
/// <param name="Principal">Null when it is not known.</param>
/// <param name="State">How well it is known.</param>
/// <param name="Peer">The address, as <c>10.0.0.7:51234</c>; <c>uid 0</c> on the Unix socket.</param>
/// <param name="Serial">The certificate's serial number, lower-case hex.</param>
/// <param name="KeySha256">Lower-case hex SHA-256 of its SubjectPublicKeyInfo; how the master knows a key again at renewal.</param>
internal sealed record Caller(Principal? Principal, CallerState State, string Peer, string? Serial, string? KeySha256)
{
    /// <summary>When its certificate ends; null without one.</summary>
    public DateTimeOffset? NotAfter { get; init; }

    /// <summary>Why it is not known better; for the log, never for the wire beyond what the caller presented itself.</summary>
    public string? Problem { get; init; }

    /// <summary>The peer's address without its port, as failed authentications are counted.</summary>
    public string PeerAddress { get; init; } = Peer;

    /// <summary><c>kind/name</c>, or what is known instead: "none", "untrusted".</summary>
    public override string ToString() => Principal?.ToString() ?? (State == CallerState.None ? "none" : "untrusted");
}
