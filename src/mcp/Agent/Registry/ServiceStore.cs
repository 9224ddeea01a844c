using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Agent.Registry;

/// <summary>Services and their containers as this node was told to run them, and the last generations of each.</summary>
internal sealed class ServiceStore(Database database)
{
    /// <summary>Generations kept for each service.</summary>
    public const int KeptGenerations = 10;

    private const string ServiceColumns = "SELECT name, spec, spec_hash, generation, desired_running, held_by, operation, principal, deployed_at FROM services";
    private const string ComponentColumns = "SELECT service, name, container_name, container_id, spec_hash, made_of, image_reference, image_digest, image_id, stopped FROM components";

    /// <summary>The service, or null when it is not deployed here.</summary>
    public RegisteredServiceRow? Find(string service) =>
        database.Read(connection => connection.QueryFirst(ServiceColumns + " WHERE name = $name", MapService, ("$name", service)) is { } row ? row with { Components = Components(connection, service) } : null);

    /// <summary>All services, by name.</summary>
    public IReadOnlyList<RegisteredServiceRow> All() =>
        database.Read(connection =>
        {
            var components = connection.Query(ComponentColumns + " ORDER BY service, ordinal", MapComponent).ToLookup(c => c.Service, StringComparer.Ordinal);
            return connection.Query(ServiceColumns + " ORDER BY name", MapService).ConvertAll(s => s with { Components = [.. components[s.Name]] });
        });

    /// <summary>Who has a container name, or null.</summary>
    public string? OwnerOfContainerName(string containerName) =>
        database.Read(connection => connection.Scalar<string>("SELECT service FROM components WHERE container_name = $name", ("$name", containerName)));

    /// <summary>The last generation number that this service ever had here; 0: none.</summary>
    public ulong LastGeneration(string service) =>
        (ulong)database.Read(connection => connection.Scalar<long>("SELECT coalesce(max(generation), 0) FROM generations WHERE service = $s", ("$s", service)));

    /// <summary>The last generations, newest first.</summary>
    public IReadOnlyList<GenerationRecord> Generations(string service, string node) =>
        database.Read(connection => connection.Query(
            "SELECT generation, spec, images, principal, at, spec_hash, operation FROM generations WHERE service = $s ORDER BY generation DESC",
            row =>
            {
                var record = new GenerationRecord
                {
                    Generation = (ulong)row.GetInt64(0),
                    Spec = ServiceSpec.Parser.ParseFrom(row.Blob(1)),
                    Principal = row.GetString(3),
                    At = row.GetString(4),
                    SpecHash = row.GetString(5),
                    Operation = row.GetString(6),
                    Node = node,
                };
                record.Images.AddRange(AgentDeployResult.Parser.ParseFrom(row.Blob(2)).Images);
                return record;
            },
            ("$s", service)));

    /// <summary>Sets what is wished, in the caller's transaction. Only a migration changes who holds the service.</summary>
    public static void SetDesired(SqliteConnection connection, string service, bool running, string heldBy) =>
        connection.Execute(
            "UPDATE services SET desired_running = $running, held_by = $held WHERE name = $name",
            ("$running", running ? 1 : 0), ("$held", heldBy), ("$name", service));

    /// <summary>Sets whether one component alone is stopped on purpose, in the caller's transaction; empty: none is.</summary>
    public static void SetComponentStopped(SqliteConnection connection, string service, string component, bool stopped) =>
        connection.Execute(
            "UPDATE components SET stopped = $stopped WHERE service = $s AND ($c = '' OR name = $c)",
            ("$stopped", stopped ? 1 : 0), ("$s", service), ("$c", component));

    /// <summary>Records a container that was made anew for the same spec, outside a deploy.</summary>
    public void SetContainer(string service, string component, string containerId, string madeOf) =>
        database.Write(connection => connection.Execute(
            "UPDATE components SET container_id = $id, made_of = $made WHERE service = $s AND name = $c",
            ("$id", containerId), ("$made", madeOf), ("$s", service), ("$c", component)));

    /// <summary>Writes the new generation of a service and its containers, in the caller's transaction: the commit of a deploy.</summary>
    public static void Commit(SqliteConnection connection, RegisteredServiceRow service)
    {
        var spec = Google.Protobuf.MessageExtensions.ToByteArray(service.Spec);
        connection.Execute(
            """
            INSERT INTO services(name, spec, spec_hash, generation, desired_running, held_by, operation, principal, deployed_at)
            VALUES($name, $spec, $hash, $generation, $running, '', $operation, $principal, $at)
            ON CONFLICT(name) DO UPDATE SET spec = excluded.spec, spec_hash = excluded.spec_hash, generation = excluded.generation,
              desired_running = excluded.desired_running, held_by = '', operation = excluded.operation, principal = excluded.principal, deployed_at = excluded.deployed_at
            """,
            ("$name", service.Name), ("$spec", spec), ("$hash", service.SpecHash), ("$generation", (long)service.Generation),
            ("$running", service.DesiredRunning ? 1 : 0), ("$operation", service.Operation), ("$principal", service.Principal), ("$at", service.DeployedAt));
        connection.Execute("DELETE FROM components WHERE service = $name", ("$name", service.Name));
        for (var i = 0; i < service.Components.Count; i++)
        {
            var c = service.Components[i];
            connection.Execute(
                """
                INSERT INTO components(service, name, ordinal, container_name, container_id, spec_hash, made_of, image_reference, image_digest, image_id)
                VALUES($service, $name, $ordinal, $container, $id, $hash, $made, $reference, $digest, $image)
                """,
                ("$service", c.Service), ("$name", c.Name), ("$ordinal", i), ("$container", c.ContainerName), ("$id", c.ContainerId), ("$hash", c.SpecHash),
                ("$made", c.MadeOf), ("$reference", c.Image.Reference), ("$digest", c.Image.Digest), ("$image", c.Image.ImageId));
        }
        var images = new AgentDeployResult();
        images.Images.AddRange(service.Components.Select(c => c.Image));
        connection.Execute(
            "INSERT OR REPLACE INTO generations(service, generation, spec, spec_hash, images, principal, operation, at) VALUES($s, $g, $spec, $hash, $images, $p, $o, $at)",
            ("$s", service.Name), ("$g", (long)service.Generation), ("$spec", spec), ("$hash", service.SpecHash),
            ("$images", Google.Protobuf.MessageExtensions.ToByteArray(images)), ("$p", service.Principal), ("$o", service.Operation), ("$at", service.DeployedAt));
        connection.Execute("DELETE FROM generations WHERE service = $s AND generation <= $g", ("$s", service.Name), ("$g", (long)service.Generation - KeptGenerations));
    }

    /// <summary>Forgets a service that was undeployed, in the caller's transaction. Generations and the data record stay.</summary>
    public static void Remove(SqliteConnection connection, string service)
    {
        connection.Execute("DELETE FROM services WHERE name = $s", ("$s", service));
        connection.Execute("DELETE FROM routes WHERE service = $s", ("$s", service));
        connection.Execute("DELETE FROM adopted WHERE service = $s", ("$s", service));
    }

    /// <summary>Forgets one component of a service, in the caller's transaction.</summary>
    public static void RemoveComponent(SqliteConnection connection, string service, string component)
    {
        connection.Execute("DELETE FROM components WHERE service = $s AND name = $c", ("$s", service), ("$c", component));
        connection.Execute("DELETE FROM routes WHERE service = $s AND component = $c", ("$s", service), ("$c", component));
    }

    private static List<RegisteredComponentRow> Components(SqliteConnection connection, string service) =>
        connection.Query(ComponentColumns + " WHERE service = $s ORDER BY ordinal", MapComponent, ("$s", service));

    private static RegisteredServiceRow MapService(SqliteDataReader row) => new(
        row.GetString(0), ServiceSpec.Parser.ParseFrom(row.Blob(1)), row.GetString(2), (ulong)row.GetInt64(3), row.GetInt64(4) != 0,
        row.GetString(5), row.GetString(6), row.GetString(7), row.GetString(8), []);

    private static RegisteredComponentRow MapComponent(SqliteDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetString(4), row.GetString(5),
        new ComponentImage { Component = row.GetString(1), Reference = row.GetString(6), Digest = row.GetString(7), ImageId = row.GetString(8) },
        row.GetInt64(9) != 0);
}

/// <summary>A service as the registry has it.</summary>
internal sealed record RegisteredServiceRow(
    string Name, ServiceSpec Spec, string SpecHash, ulong Generation, bool DesiredRunning, string HeldBy,
    string Operation, string Principal, string DeployedAt, IReadOnlyList<RegisteredComponentRow> Components);

/// <summary>A container as the registry has it.</summary>
internal sealed record RegisteredComponentRow(
    string Service, string Name, string ContainerName, string ContainerId, string SpecHash, string MadeOf, ComponentImage Image, bool Stopped = false);
