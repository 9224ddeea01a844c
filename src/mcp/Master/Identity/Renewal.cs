using Google.Protobuf;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Identity;

/// <summary>
/// The RenewIdentity call: a principal gets a new certificate for itself. Its present key must be one that the master knows; old and new
/// key are honoured until the new one is first seen, because the answer may be lost.
/// A machine may come back however long it was off, while its node is allowed. A person's certificate may have expired for 90 days, and the
/// chain of renewals ends 180 days after the login.
/// </summary>
internal sealed class Renewal(Database database, FleetAuthority authority, FleetTerms terms, TimeProvider clock)
{
    /// <summary>Answers a RenewIdentity of <paramref name="caller"/>.</summary>
    /// <exception cref="McpException">Unauthenticated: the key is not known; FailedPrecondition: the time is over; PermissionDenied: not allowed any more.</exception>
    public RenewIdentityResponse Renew(Caller caller, RenewIdentityRequest request)
    {
        if (caller is not { Principal: { Kind: not PrincipalKind.Master } principal, KeySha256: { } key })
            throw new McpException(FaultCode.FailedPrecondition, "this caller has no certificate to renew") { Cause = $"it is {caller}" };
        var csr = SigningRequest.Read(request.CsrDer.Span);
        var issued = database.Write(connection =>
        {
            var known = KnownKeyStore.Find(connection, principal.ToString(), key);
            if (known is null or { State: "retired" })
                throw NotKnown(principal);
            var cap = Allow(connection, principal, known, caller.NotAfter);
            Take(connection, principal, known, csr.KeySha256);
            var certificate = authority.IssueIdentity(
                principal, request.CsrDer.Memory, principal.Kind == PrincipalKind.Agent ? Lifetimes.Machine : Lifetimes.Human, cap);
            CertificateStore.Add(connection, IssuedRow.Of(principal, certificate, terms.Domain));
            return certificate;
        });
        return new RenewIdentityResponse
        {
            ChainPem = ByteString.CopyFrom(issued.ChainPem),
            Expires = Timestamp.Format(issued.NotAfter),
            CaBundle = ByteString.CopyFrom(authority.Bundle.ToPem()),
        };
    }

    /// <summary>Whether the principal may renew now; gives the end beyond which no certificate of it may reach.</summary>
    private DateTimeOffset? Allow(SqliteConnection connection, Principal principal, KnownKeyRow known, DateTimeOffset? notAfter)
    {
        if (principal.Kind == PrincipalKind.Agent)
        {
            return NodeStore.Find(connection, principal.Name) is not null
                ? null
                : throw new McpException(FaultCode.PermissionDenied, $"node {principal.Name} is not on the fleet's list") { Hint = $"mcp node add {principal.Name}" };
        }
        if (OperatorStore.Find(connection, principal.Name) is not { State: "active" })
            throw new McpException(FaultCode.PermissionDenied, $"{principal.Name} is not an operator of this fleet") { Hint = $"an admin runs: mcp operator add {principal.Name}" };
        var now = clock.GetUtcNow();
        if (notAfter + Lifetimes.HumanGrace < now)
            throw LogInAgain(principal, $"the certificate of {principal.Name} expired more than {Lifetimes.HumanGrace.TotalDays:0} days ago");
        var end = (Timestamp.Read(known.ChainStarted) ?? throw NotKnown(principal)) + Lifetimes.HumanChain;
        return end > now ? end : throw LogInAgain(principal, $"{principal.Name} logged in more than {Lifetimes.HumanChain.TotalDays:0} days ago");
    }

    private static void Take(SqliteConnection connection, Principal principal, KnownKeyRow asking, string newKey)
    {
        if (newKey == asking.KeySha256)
            return;
        // A key belongs to one principal for ever, and one that was replaced never comes back.
        var taken = connection.Scalar<long>(
            "SELECT count(*) FROM known_keys WHERE key_sha256 = $key AND (principal <> $principal OR state = 'retired')",
            ("$key", newKey), ("$principal", principal.ToString())) > 0;
        if (taken)
            throw new McpException(FaultCode.InvalidArgument, "the certificate request is over a key that was used before") { Hint = "make a new key" };
        KnownKeyStore.AddNew(connection, principal.ToString(), newKey, asking.ChainStarted);
    }

    private static McpException NotKnown(Principal principal) =>
        new(FaultCode.Unauthenticated, $"the key of this certificate of {principal} is not one that may renew: it was replaced by a newer one, or {principal.Name} was removed")
        {
            Hint = principal.Kind == PrincipalKind.Agent ? $"mcp node add {principal.Name} on an operator's machine, then mcp agent join" : "mcp login <master-address> with a new token",
        };

    private static McpException LogInAgain(Principal principal, string why) =>
        new(FaultCode.FailedPrecondition, $"{why}; it cannot be renewed any more") { Hint = $"an admin runs: mcp operator add {principal.Name}; then: mcp login <master-address>" };
}
