using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Identity;

/// <summary>A key that the master vouched for; see <c>known_keys</c> in schema.sql.</summary>
/// <param name="Principal">"agent/orion".</param>
/// <param name="KeySha256">Hash of the public key.</param>
/// <param name="State">"current", "new" or "retired".</param>
/// <param name="ChainStarted">RFC 3339 of the join or login.</param>
internal sealed record KnownKeyRow(string Principal, string KeySha256, string State, string ChainStarted);

/// <summary>
/// Which keys a principal may renew with. At a renewal the old key stays 'current' and the new one is 'new': both are honoured,
/// because the answer may be lost on its way. The first call with the new key makes it 'current' and retires the others.
/// </summary>
internal static class KnownKeyStore
{
    /// <summary>The key of that principal, or null.</summary>
    public static KnownKeyRow? Find(SqliteConnection connection, string principal, string keySha256) =>
        connection.QueryFirst(
            "SELECT principal, key_sha256, state, chain_started FROM known_keys WHERE principal = $principal AND key_sha256 = $key",
            Map, ("$principal", principal), ("$key", keySha256));

    /// <summary>All keys that are not retired.</summary>
    public static List<KnownKeyRow> Live(SqliteConnection connection, string principal) =>
        connection.Query(
            "SELECT principal, key_sha256, state, chain_started FROM known_keys WHERE principal = $principal AND state <> 'retired'",
            Map, ("$principal", principal));

    /// <summary>Whether the key was ever vouched for as somebody else's: a key belongs to one principal for ever.</summary>
    public static bool IsAnothers(SqliteConnection connection, string principal, string keySha256) =>
        connection.Scalar<long>("SELECT count(*) FROM known_keys WHERE key_sha256 = $key AND principal <> $principal", ("$key", keySha256), ("$principal", principal)) > 0;

    /// <summary>Starts a principal's keys anew at a join: all older ones are retired.</summary>
    public static void Start(SqliteConnection connection, string principal, string keySha256, string at)
    {
        connection.Execute("UPDATE known_keys SET state = 'retired' WHERE principal = $principal", ("$principal", principal));
        Put(connection, principal, keySha256, "current", at);
    }

    /// <summary>Adds the key of a renewal beside the one it was asked with; an earlier unanswered renewal is forgotten.</summary>
    public static void AddNew(SqliteConnection connection, string principal, string keySha256, string chainStarted)
    {
        connection.Execute(
            "UPDATE known_keys SET state = 'retired' WHERE principal = $principal AND state = 'new' AND key_sha256 <> $key",
            ("$principal", principal), ("$key", keySha256));
        Put(connection, principal, keySha256, "new", chainStarted);
    }

    /// <summary>The key was seen in a call: it is the current one now and the others are retired.</summary>
    public static void Confirm(SqliteConnection connection, string principal, string keySha256) =>
        connection.Execute(
            "UPDATE known_keys SET state = CASE WHEN key_sha256 = $key THEN 'current' ELSE 'retired' END WHERE principal = $principal",
            ("$principal", principal), ("$key", keySha256));

    /// <summary>Forgets that any key was known: the principal has to join again.</summary>
    public static void RetireAll(SqliteConnection connection, string principal) =>
        connection.Execute("UPDATE known_keys SET state = 'retired' WHERE principal = $principal", ("$principal", principal));

    private static void Put(SqliteConnection connection, string principal, string keySha256, string state, string chainStarted) =>
        connection.Execute(
            """
            INSERT INTO known_keys(principal, key_sha256, state, chain_started) VALUES($principal, $key, $state, $started)
            ON CONFLICT(principal, key_sha256) DO UPDATE SET state = $state, chain_started = $started
            """,
            ("$principal", principal), ("$key", keySha256), ("$state", state), ("$started", chainStarted));

    private static KnownKeyRow Map(SqliteDataReader r) => new(r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3));
}
