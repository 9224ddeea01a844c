using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Identity;

/// <summary>The fleet as it was created; see <c>fleet</c> in schema.sql.</summary>
/// <param name="Name">What people call it.</param>
/// <param name="Domain">Trust domain of every identity.</param>
/// <param name="Zone">Internal names lie under it.</param>
/// <param name="Address">host:port at which the master is dialled.</param>
/// <param name="RootSha256">Hash of the root certificate, lower-case hex.</param>
/// <param name="Term">Counts the lives of the master.</param>
/// <param name="RevocationRevision">Moves with revocations and operators.</param>
internal sealed record FleetRow(string Name, string Domain, string Zone, string Address, string RootSha256, ulong Term, ulong RevocationRevision);

/// <summary>The one row about the fleet itself.</summary>
internal static class FleetStore
{
    /// <summary>The fleet, or null before <c>mcp master init</c> is complete.</summary>
    public static FleetRow? Find(SqliteConnection connection) =>
        connection.QueryFirst(
            "SELECT name, domain, zone, address, root_sha256, term, revocation_revision FROM fleet WHERE id = 1",
            r => new FleetRow(r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GetString(4), (ulong)r.GetInt64(5), (ulong)r.GetInt64(6)));

    /// <summary>Writes the row; its presence means that the fleet exists.</summary>
    public static void Create(SqliteConnection connection, FleetRow fleet, string at) =>
        connection.Execute(
            "INSERT INTO fleet(id, name, domain, zone, address, root_sha256, term, created_at) VALUES(1, $name, $domain, $zone, $address, $root, $term, $at)",
            ("$name", fleet.Name), ("$domain", fleet.Domain), ("$zone", fleet.Zone), ("$address", fleet.Address), ("$root", fleet.RootSha256),
            ("$term", (long)fleet.Term), ("$at", at));

    /// <summary>Changes what may change of a fleet.</summary>
    public static void Rename(SqliteConnection connection, string name, string zone, string address) =>
        connection.Execute("UPDATE fleet SET name = $name, zone = $zone, address = $address WHERE id = 1", ("$name", name), ("$zone", zone), ("$address", address));

    /// <summary>Begins the next life of the master; gives its term.</summary>
    public static ulong RaiseTerm(SqliteConnection connection) =>
        (ulong)connection.Scalar<long>("UPDATE fleet SET term = term + 1 WHERE id = 1 RETURNING term");

    /// <summary>Moves the revision above <paramref name="seen"/>, so that whoever has that one fetches everything again.</summary>
    public static void RaiseRevisionAbove(SqliteConnection connection, ulong seen) =>
        connection.Execute("UPDATE fleet SET revocation_revision = $seen + 1 WHERE id = 1 AND revocation_revision <= $seen", ("$seen", (long)Math.Min(seen, 1UL << 60)));

    /// <summary>Moves the revision that tells agents to fetch revocations and operators again; gives the new one.</summary>
    public static ulong RaiseRevision(SqliteConnection connection) =>
        (ulong)connection.Scalar<long>("UPDATE fleet SET revocation_revision = revocation_revision + 1 WHERE id = 1 RETURNING revocation_revision");
}
