using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Agent.Registry;

/// <summary>Which containers without labels of ours are ours all the same, by podman's id.</summary>
internal sealed class AdoptionStore(Database database)
{
    /// <summary>As what a container was adopted, or null.</summary>
    public (string Service, string Component)? Find(string containerId) =>
        database.Read<(string, string)?>(connection => connection.Query(
            "SELECT service, component FROM adopted WHERE container_id = $id", row => (row.GetString(0), row.GetString(1)), ("$id", containerId))
            is [var only] ? only : null);

    /// <summary>Adopts a container, in the caller's transaction.</summary>
    public static void Add(SqliteConnection connection, string containerId, string service, string component, string operation, string at) =>
        connection.Execute(
            "INSERT OR REPLACE INTO adopted(container_id, service, component, operation, at) VALUES($id, $s, $c, $o, $at)",
            ("$id", containerId), ("$s", service), ("$c", component), ("$o", operation), ("$at", at));

    /// <summary>Forgets a container that is removed.</summary>
    public void Remove(string containerId)
    {
        if (Find(containerId) is not null)
            database.Write(connection => connection.Execute("DELETE FROM adopted WHERE container_id = $id", ("$id", containerId)));
    }
}
