using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Identity;

/// <summary>An invitation; see <c>join_tokens</c> in schema.sql.</summary>
/// <param name="TokenSha256">Hash of the token's text.</param>
/// <param name="Kind">"human" or "agent".</param>
/// <param name="Name">The principal's name.</param>
/// <param name="Role">Of the node or person.</param>
/// <param name="ExpiresAt">RFC 3339.</param>
/// <param name="KeySha256">The key that used it first, or null.</param>
/// <param name="Response">The answer that key got, or null.</param>
internal sealed record JoinTokenRow(string TokenSha256, string Kind, string Name, string Role, string ExpiresAt, string? KeySha256, byte[]? Response);

/// <summary>Invitations; only hashes of their secrets.</summary>
internal static class JoinTokenStore
{
    /// <summary>Adds an invitation. Older ones for the same principal end: the last token printed is the one that counts.</summary>
    public static void Add(SqliteConnection connection, JoinTokenRow row, string at, string by)
    {
        Withdraw(connection, row.Kind, row.Name);
        connection.Execute(
            "INSERT INTO join_tokens(token_sha256, kind, name, role, created_at, created_by, expires_at) VALUES($hash, $kind, $name, $role, $at, $by, $expires)",
            ("$hash", row.TokenSha256), ("$kind", row.Kind), ("$name", row.Name), ("$role", row.Role), ("$at", at), ("$by", by), ("$expires", row.ExpiresAt));
    }

    /// <summary>The invitation with that hash, expired ones too.</summary>
    public static JoinTokenRow? Find(SqliteConnection connection, string tokenSha256) =>
        connection.QueryFirst(
            "SELECT token_sha256, kind, name, role, expires_at, key_sha256, response FROM join_tokens WHERE token_sha256 = $hash",
            r => new JoinTokenRow(r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GetString(4), r.TextOrNull(5), r.IsDBNull(6) ? null : r.Blob(6)),
            ("$hash", tokenSha256));

    /// <summary>Binds the invitation to the key that used it, with the answer it got.</summary>
    public static void Bind(SqliteConnection connection, string tokenSha256, string keySha256, byte[] response) =>
        connection.Execute(
            "UPDATE join_tokens SET key_sha256 = $key, response = $response WHERE token_sha256 = $hash",
            ("$hash", tokenSha256), ("$key", keySha256), ("$response", response));

    /// <summary>Whether any invitation is open: Join is served only then.</summary>
    public static bool AnyOpen(SqliteConnection connection, string now) =>
        connection.Scalar<long>("SELECT count(*) FROM join_tokens WHERE expires_at > $now", ("$now", now)) > 0;

    /// <summary>Ends every invitation of a principal.</summary>
    public static void Withdraw(SqliteConnection connection, string kind, string name) =>
        connection.Execute("DELETE FROM join_tokens WHERE kind = $kind AND name = $name", ("$kind", kind), ("$name", name));

    /// <summary>Removes what expired before <paramref name="before"/>.</summary>
    public static void Reap(SqliteConnection connection, string before) =>
        connection.Execute("DELETE FROM join_tokens WHERE expires_at < $before", ("$before", before));
}
