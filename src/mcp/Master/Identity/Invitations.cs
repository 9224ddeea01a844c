using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Master.Reading;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.Text;

namespace Mcp.Master.Identity;

/// <summary>A token as it is printed, once.</summary>
/// <param name="Token">A secret.</param>
/// <param name="Expires">RFC 3339.</param>
internal sealed record Invitation(JoinToken Token, string Expires);

/// <summary>Makes join tokens: single use, an hour long, stored hashed, bound to kind, name and role.</summary>
internal sealed class Invitations(Database database, string rootSha256, TimeProvider clock)
{
    /// <summary>How long a token can be used.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromHours(1);

    /// <summary>Invites a principal; <paramref name="prepare"/> writes its row in the same transaction. Older tokens of the same principal end.</summary>
    public Invitation Invite(PrincipalKind kind, string name, string role, string by, Action<Microsoft.Data.Sqlite.SqliteConnection> prepare)
    {
        if (kind == PrincipalKind.Master)
            throw new McpException(FaultCode.InvalidArgument, "nobody is invited as the master");
        var now = clock.GetUtcNow();
        var token = JoinToken.New(rootSha256);
        var invitation = new Invitation(token, Timestamp.Format(now + Life));
        database.Write(connection =>
        {
            prepare(connection);
            // Whoever makes a new token has seen what became of the old one.
            FindingStore.CloseOne(connection, new FindingKey("join token reused", kind == PrincipalKind.Agent ? name : "", ""));
            JoinTokenStore.Add(
                connection,
                new JoinTokenRow(token.SecretSha256, new Principal(kind, name).KindText, name, role, invitation.Expires, null, null),
                Timestamp.Format(now),
                by);
        });
        return invitation;
    }
}
