using Google.Protobuf;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Master.Reading;
using Mcp.Master.Registration;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Identity;

/// <summary>
/// The Join call: a token and a request for a certificate become a principal. The token binds to the first key that uses it:
/// the same key gets the same answer again until the token expires (its first answer may have been lost), another key is refused and
/// becomes a finding, since then two machines hold one token. Everything is one transaction: killed before its commit, nothing happened.
/// Unknown, malformed and expired tokens cost the same work and end in Unauthenticated.
/// </summary>
internal sealed class Joining(Database database, FleetAuthority authority, FleetTerms terms, TimeProvider clock)
{
    /// <summary>Answers a Join.</summary>
    /// <exception cref="McpException">Unauthenticated: the token; InvalidArgument: the certificate request or address.</exception>
    public JoinResponse Join(JoinRequest request)
    {
        // The work comes before the verdict, so that the time tells nothing about the token.
        var parsed = JoinToken.TryParse(request.Token, out var token);
        var tokenSha256 = parsed ? token!.SecretSha256 : new string('0', 64);
        var csr = SigningRequest.Read(request.CsrDer.Span);
        var (response, refusal) = database.Write(connection => Decide(connection, tokenSha256, csr.KeySha256, request));
        if (refusal is not null)
            throw new McpException(FaultCode.Unauthenticated, refusal) { Hint = "ask the operator for a new token: mcp node add <name>, or mcp operator add <name>" };
        return response!;
    }

    private (JoinResponse? Response, string? Refusal) Decide(SqliteConnection connection, string tokenSha256, string keySha256, JoinRequest request)
    {
        var now = clock.GetUtcNow();
        if (JoinTokenStore.Find(connection, tokenSha256) is not { } row)
            return (null, "the join token is not known: it was mistyped, replaced by a newer one, or is of another fleet");
        if (Timestamp.Read(row.ExpiresAt) is not { } expires || expires <= now)
            return (null, $"the join token for {row.Kind} {row.Name} expired at {row.ExpiresAt}");
        if (row.KeySha256 is not null && row.KeySha256 != keySha256)
        {
            FindingStore.Open(connection, new Finding
            {
                Kind = "join token reused",
                Severity = "error",
                Node = row.Kind == "agent" ? row.Name : "",
                Message = $"a second key tried to join as {row.Kind} {row.Name} with a token that was used already: somebody else saw the token",
                Command = row.Kind == "agent" ? $"mcp node remove {row.Name} --lost; mcp node add {row.Name}" : $"mcp operator remove {row.Name}",
                Since = Timestamp.Format(now),
            });
            return (null, $"the join token for {row.Kind} {row.Name} was used already, by another key");
        }
        if (row.Response is not null)
            return (JoinResponse.Parser.ParseFrom(row.Response), null);
        var response = Admit(connection, row, request, now);
        JoinTokenStore.Bind(connection, tokenSha256, keySha256, response.ToByteArray());
        return (response, null);
    }

    private JoinResponse Admit(SqliteConnection connection, JoinTokenRow row, JoinRequest request, DateTimeOffset now)
    {
        var isAgent = row.Kind == "agent";
        var principal = new Principal(isAgent ? PrincipalKind.Agent : PrincipalKind.Human, row.Name);
        var issued = authority.IssueIdentity(principal, request.CsrDer.Memory, isAgent ? Lifetimes.Machine : Lifetimes.Human);
        var at = Timestamp.Format(now);
        if (KnownKeyStore.IsAnothers(connection, principal.ToString(), issued.KeySha256))
            throw new McpException(FaultCode.InvalidArgument, "the certificate request is over a key of another principal") { Hint = "make a new key" };
        KnownKeyStore.Start(connection, principal.ToString(), issued.KeySha256, at);
        CertificateStore.Add(connection, IssuedRow.Of(principal, issued, terms.Domain));
        RevocationStore.Lift(connection, principal.ToString(), at);
        if (isAgent)
            TakeNode(connection, row.Name, request);
        else
        {
            OperatorStore.SetState(connection, row.Name, "active");
            FleetStore.RaiseRevision(connection);
        }
        EventStore.Add(connection, new FleetEvent
        {
            At = at,
            Node = isAgent ? row.Name : "",
            Kind = "joined",
            Severity = "info",
            Message = $"{principal} got its certificate (serial {issued.Serial})",
            Principal = principal.ToString(),
        });
        var response = new JoinResponse
        {
            ChainPem = ByteString.CopyFrom(issued.ChainPem),
            CaBundle = ByteString.CopyFrom(authority.Bundle.ToPem()),
            Name = row.Name,
            Kind = row.Kind,
            Role = row.Role,
            Fleet = terms.FleetName,
            Domain = terms.Domain,
            Zone = terms.Zone,
            Expires = Timestamp.Format(issued.NotAfter),
        };
        response.AllowedDomains.AddRange(terms.AllowedDomains);
        response.BackendCidrs.AddRange(terms.BackendCidrs);
        return response;
    }

    private static void TakeNode(SqliteConnection connection, string name, JoinRequest request)
    {
        var node = NodeStore.Find(connection, name)
            ?? throw new McpException(FaultCode.FailedPrecondition, $"node {name} was removed after its token was made") { Hint = $"mcp node add {name}" };
        // The rules of Register judge it again; until then it is only what the joiner said.
        var address = !node.Fixed && NodeAddress.TryParse(request.Address, out var said, out _) ? said.ToString() : node.Address;
        NodeStore.Told(connection, name, address, Printable.Line(request.Arch, 32), Printable.Line(request.Version, 64), []);
    }
}

/// <summary>What a joiner is told about its fleet, and what certificates are made of.</summary>
internal sealed record FleetTerms(string FleetName, string Domain, string Zone, IReadOnlyList<string> AllowedDomains, IReadOnlyList<string> BackendCidrs);

/// <summary>A certificate just issued, as its row.</summary>
internal static class IssuedRow
{
    /// <summary>The row of an identity certificate.</summary>
    public static CertificateRow Of(Principal principal, IssuedCertificate issued, string domain) => new(
        issued.Serial, principal.ToUri(domain), "identity", "embedded", principal.ToString(), issued.KeySha256,
        Timestamp.Format(issued.NotBefore), Timestamp.Format(issued.NotAfter));
}
