using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Identity;

/// <summary>A person who may command the fleet; see <c>operators</c> in schema.sql.</summary>
/// <param name="Name">A DNS label.</param>
/// <param name="Role">"admin", "deploy" or "read".</param>
/// <param name="Services">deploy: these services only; empty: all.</param>
/// <param name="State">"invited", "active" or "revoked".</param>
/// <param name="LastSeen">RFC 3339, or null.</param>
internal sealed record OperatorRow(string Name, string Role, IReadOnlyList<string> Services, string State, string? LastSeen);

/// <summary>The people of the fleet.</summary>
internal static class OperatorStore
{
    private const string Columns = "name, role, services, state, last_seen";

    /// <summary>The operator of that name, revoked ones too.</summary>
    public static OperatorRow? Find(SqliteConnection connection, string name) =>
        connection.QueryFirst($"SELECT {Columns} FROM operators WHERE name = $name", Map, ("$name", name));

    /// <summary>All operators by name.</summary>
    public static List<OperatorRow> All(SqliteConnection connection) => connection.Query($"SELECT {Columns} FROM operators ORDER BY name", Map);

    /// <summary>Invites <paramref name="name"/>, also one who was revoked, or gives one who is active a new role.</summary>
    public static void Put(SqliteConnection connection, string name, string role, IEnumerable<string> services, string state, string at, string by) =>
        connection.Execute(
            """
            INSERT INTO operators(name, role, services, state, added_at, added_by) VALUES($name, $role, $services, $state, $at, $by)
            ON CONFLICT(name) DO UPDATE SET role = $role, services = $services, state = $state, added_at = $at, added_by = $by
            """,
            ("$name", name), ("$role", role), ("$services", string.Join(' ', services)), ("$state", state), ("$at", at), ("$by", by));

    /// <summary>Moves the state alone.</summary>
    public static void SetState(SqliteConnection connection, string name, string state) =>
        connection.Execute("UPDATE operators SET state = $state WHERE name = $name", ("$name", name), ("$state", state));

    /// <summary>Remembers that the operator called.</summary>
    public static void Seen(SqliteConnection connection, string name, string at) =>
        connection.Execute("UPDATE operators SET last_seen = $at WHERE name = $name", ("$name", name), ("$at", at));

    private static OperatorRow Map(SqliteDataReader r) =>
        new(r.GetString(0), r.GetString(1), r.GetString(2).Split(' ', StringSplitOptions.RemoveEmptyEntries), r.GetString(3), r.TextOrNull(4));
}
