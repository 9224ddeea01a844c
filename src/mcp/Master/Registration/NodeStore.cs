using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Registration;

/// <summary>A node as the operator allowed it; see <c>nodes</c> in schema.sql.</summary>
/// <param name="Name">Also the name of its agent's identity.</param>
/// <param name="Role">"master", "worker" or "edge".</param>
/// <param name="Address">host:port of its agent; empty until it joins.</param>
/// <param name="Fixed">The operator gave the address; what the agent says is not taken.</param>
/// <param name="Cordoned">Gets no new services.</param>
/// <param name="JoinedAt">When the master first called its agent back, or null.</param>
/// <param name="Arch">As it said at Register.</param>
/// <param name="Version">As it said at Register.</param>
internal sealed record NodeRow(string Name, string Role, string Address, bool Fixed, bool Cordoned, string? JoinedAt, string Arch, string Version);

/// <summary>What was last seen of a node; see <c>node_observations</c> in schema.sql.</summary>
internal sealed record NodeObservation(
    string Node, string? RegisteredAt, string? HeartbeatAt, string KeySha256, ulong CpuMillicores, ulong MemoryBytes, ulong DiskBytes, uint Containers, uint Services);

/// <summary>The allowlist of nodes, and beside it what was seen of each.</summary>
internal static class NodeStore
{
    private const string Columns = "name, role, address, fixed, cordoned, joined_at, arch, version";

    /// <summary>The node of that name, or null.</summary>
    public static NodeRow? Find(SqliteConnection connection, string name) =>
        connection.QueryFirst($"SELECT {Columns} FROM nodes WHERE name = $name", Map, ("$name", name));

    /// <summary>All nodes by name.</summary>
    public static List<NodeRow> All(SqliteConnection connection) => connection.Query($"SELECT {Columns} FROM nodes ORDER BY name", Map);

    /// <summary>Another node than <paramref name="except"/> that is dialled at <paramref name="address"/>, or null.</summary>
    public static string? OwnerOf(SqliteConnection connection, string address, string except) =>
        connection.Scalar<string>("SELECT name FROM nodes WHERE address = $address AND name <> $except AND address <> ''", ("$address", address), ("$except", except));

    /// <summary>Allows a node.</summary>
    public static void Add(SqliteConnection connection, string name, string role, string address, string at, string by) =>
        connection.Execute(
            "INSERT INTO nodes(name, role, address, fixed, added_at, added_by) VALUES($name, $role, $address, $fixed, $at, $by)",
            ("$name", name), ("$role", role), ("$address", address), ("$fixed", address.Length > 0), ("$at", at), ("$by", by));

    /// <summary>Ends a node; what was observed of it goes with it.</summary>
    public static void Remove(SqliteConnection connection, string name) => connection.Execute("DELETE FROM nodes WHERE name = $name", ("$name", name));

    /// <summary>Changes role, address or cordon as the operator says; null leaves it.</summary>
    public static void Set(SqliteConnection connection, string name, string? role = null, string? address = null, bool? cordoned = null) =>
        connection.Execute(
            """
            UPDATE nodes SET role = coalesce($role, role), address = coalesce($address, address), cordoned = coalesce($cordoned, cordoned),
                             fixed = CASE WHEN $address IS NULL THEN fixed ELSE 1 END
            WHERE name = $name
            """,
            ("$name", name), ("$role", role), ("$address", address), ("$cordoned", cordoned));

    /// <summary>What the agent said of itself, as far as it is taken.</summary>
    public static void Told(SqliteConnection connection, string name, string address, string arch, string version, IEnumerable<string> features) =>
        connection.Execute(
            "UPDATE nodes SET address = $address, arch = $arch, version = $version, features = $features WHERE name = $name",
            ("$name", name), ("$address", address), ("$arch", arch), ("$version", version), ("$features", string.Join(' ', features)));

    /// <summary>The master has called the agent back.</summary>
    public static void Joined(SqliteConnection connection, string name, string at) =>
        connection.Execute("UPDATE nodes SET joined_at = coalesce(joined_at, $at) WHERE name = $name", ("$name", name), ("$at", at));

    /// <summary>Everything that was last seen, by node.</summary>
    public static Dictionary<string, NodeObservation> Observations(SqliteConnection connection) =>
        connection.Query(
            "SELECT node, registered_at, heartbeat_at, key_sha256, cpu_millicores, memory_bytes, disk_bytes, containers, services FROM node_observations",
            r => new NodeObservation(
                r.GetString(0), r.TextOrNull(1), r.TextOrNull(2), r.GetString(3), (ulong)r.GetInt64(4), (ulong)r.GetInt64(5), (ulong)r.GetInt64(6),
                (uint)r.GetInt64(7), (uint)r.GetInt64(8)))
            .ToDictionary(o => o.Node, StringComparer.Ordinal);

    /// <summary>How many other nodes have registered.</summary>
    public static int RegisteredBeside(SqliteConnection connection, string name) =>
        (int)connection.Scalar<long>("SELECT count(*) FROM node_observations WHERE registered_at IS NOT NULL AND node <> $node", ("$node", name));

    /// <summary>An accepted Register.</summary>
    public static void Registered(SqliteConnection connection, string name, string keySha256, string at) =>
        connection.Execute(
            """
            INSERT INTO node_observations(node, registered_at, key_sha256) VALUES($node, $at, $key)
            ON CONFLICT(node) DO UPDATE SET registered_at = $at, key_sha256 = $key
            """,
            ("$node", name), ("$at", at), ("$key", keySha256));

    /// <summary>An accepted Heartbeat; its numbers were checked to fit.</summary>
    public static void Heartbeat(SqliteConnection connection, string name, string at, ulong cpu, ulong memory, ulong disk, uint containers, uint services) =>
        connection.ExecuteOften(
            """
            INSERT INTO node_observations(node, heartbeat_at, cpu_millicores, memory_bytes, disk_bytes, containers, services)
            VALUES($node, $at, $cpu, $memory, $disk, $containers, $services)
            ON CONFLICT(node) DO UPDATE SET heartbeat_at = $at, cpu_millicores = $cpu, memory_bytes = $memory, disk_bytes = $disk,
                                            containers = $containers, services = $services
            """,
            ("$node", name), ("$at", at), ("$cpu", (long)cpu), ("$memory", (long)memory), ("$disk", (long)disk),
            ("$containers", (long)containers), ("$services", (long)services));

    private static NodeRow Map(SqliteDataReader r) =>
        new(r.GetString(0), r.GetString(1), r.GetString(2), r.GetInt64(3) != 0, r.GetInt64(4) != 0, r.TextOrNull(5), r.GetString(6), r.GetString(7));
}
