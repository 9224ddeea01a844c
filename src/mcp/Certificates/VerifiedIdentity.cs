using Mcp.Names;

namespace Mcp.Certificates;

/// <summary>What a presented certificate is worth.</summary>
internal enum IdentityState
{
    /// <summary>It does not name a principal of this fleet, for the reason in <see cref="VerifiedIdentity.Problem"/>.</summary>
    Untrusted,

    /// <summary>It named a principal of this fleet while it was valid, and its time is over.</summary>
    Expired,

    /// <summary>It names a principal of this fleet.</summary>
    Valid,
}

/// <summary>The result of looking at a certificate.</summary>
/// <param name="State">What it is worth.</param>
/// <param name="Principal">Set unless untrusted.</param>
/// <param name="Serial">Lower-case hex.</param>
/// <param name="KeySha256">Lower-case hex SHA-256 of the SubjectPublicKeyInfo.</param>
/// <param name="NotBefore">UTC.</param>
/// <param name="NotAfter">UTC.</param>
/// <param name="Problem">Why it is not valid, in words; null when it is.</param>
internal sealed record VerifiedIdentity(
    IdentityState State, Principal? Principal, string Serial, string KeySha256, DateTimeOffset NotBefore, DateTimeOffset NotAfter, string? Problem);
