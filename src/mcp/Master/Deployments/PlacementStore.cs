using Google.Protobuf;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Deployments;

/// <summary>Which node runs a service; see <c>placements</c> in schema.sql.</summary>
internal sealed record PlacementRow
{
    /// <summary>The service.</summary>
    public required string Service { get; init; }

    /// <summary>Where it runs, or is about to.</summary>
    public required string Node { get; init; }

    /// <summary>Committed before the agent was called and not confirmed yet.</summary>
    public required bool Pending { get; init; }

    /// <summary>The current spec; of a pending row the one being deployed.</summary>
    public required ServiceSpec Spec { get; init; }

    /// <summary>Hash of <see cref="Spec"/>.</summary>
    public required string SpecHash { get; init; }

    /// <summary>Every component's image by digest.</summary>
    public required IReadOnlyList<ComponentImage> Images { get; init; }

    /// <summary>The host ports the agent chose.</summary>
    public required IReadOnlyList<HostPort> Ports { get; init; }

    /// <summary>The agent's number; 0 while pending.</summary>
    public required ulong Generation { get; init; }

    /// <summary>Of the data.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>Of the data.</summary>
    public required string VolumeId { get; init; }

    /// <summary>Who deployed it last.</summary>
    public required string Principal { get; init; }

    /// <summary>When; RFC 3339.</summary>
    public required string At { get; init; }

    /// <summary>The operation that wrote the row.</summary>
    public required string Operation { get; init; }
}

/// <summary>Which node runs a service.</summary>
internal static class PlacementStore
{
    private const string Columns = "service, node, state, spec, spec_hash, images, ports, generation, epoch, volume_id, principal, at, operation";

    /// <summary>The placement of a service, or null.</summary>
    public static PlacementRow? Find(SqliteConnection connection, string service) =>
        connection.QueryFirst($"SELECT {Columns} FROM placements WHERE service = $service", Map, ("$service", service));

    /// <summary>All placements by service.</summary>
    public static List<PlacementRow> All(SqliteConnection connection) => connection.Query($"SELECT {Columns} FROM placements ORDER BY service", Map);

    /// <summary>How many services have their place on each node; a node without any is not in it.</summary>
    public static Dictionary<string, int> CountByNode(SqliteConnection connection) =>
        connection.Query("SELECT node, count(*) FROM placements GROUP BY node", r => (r.GetString(0), (int)r.GetInt64(1)))
            .ToDictionary(p => p.Item1, p => p.Item2, StringComparer.Ordinal);

    /// <summary>Adds or replaces a placement with the hashes of its components.</summary>
    public static void Put(SqliteConnection connection, PlacementRow row, IReadOnlyDictionary<string, string> componentHashes)
    {
        var images = new GenerationRecord();
        images.Images.AddRange(row.Images);
        var ports = new AgentDeployResult();
        ports.Ports.AddRange(row.Ports);
        connection.Execute(
            $"""
            INSERT INTO placements({Columns})
            VALUES($service, $node, $state, $spec, $hash, $images, $ports, $generation, $epoch, $volume, $principal, $at, $operation)
            ON CONFLICT(service) DO UPDATE SET node = $node, state = $state, spec = $spec, spec_hash = $hash, images = $images, ports = $ports,
              generation = $generation, epoch = $epoch, volume_id = $volume, principal = $principal, at = $at, operation = $operation
            """,
            ("$service", row.Service), ("$node", row.Node), ("$state", row.Pending ? "pending" : "placed"), ("$spec", row.Spec.ToByteArray()), ("$hash", row.SpecHash),
            ("$images", images.ToByteArray()), ("$ports", ports.ToByteArray()), ("$generation", (long)row.Generation), ("$epoch", (long)row.Epoch),
            ("$volume", row.VolumeId), ("$principal", row.Principal), ("$at", row.At), ("$operation", row.Operation));
        connection.Execute("DELETE FROM placement_components WHERE service = $service", ("$service", row.Service));
        foreach (var component in row.Spec.Components)
        {
            var image = row.Images.FirstOrDefault(i => i.Component == component.Name);
            connection.Execute(
                "INSERT INTO placement_components(service, component, spec_hash, image, digest) VALUES($service, $component, $hash, $image, $digest)",
                ("$service", row.Service), ("$component", component.Name), ("$hash", componentHashes.GetValueOrDefault(component.Name, "")),
                ("$image", component.Image), ("$digest", image?.Digest ?? ""));
        }
    }

    /// <summary>Changes only the spec: what Start and Stop do to <c>active</c>.</summary>
    public static void SetSpec(SqliteConnection connection, string service, ServiceSpec spec, string hash) =>
        connection.Execute("UPDATE placements SET spec = $spec, spec_hash = $hash WHERE service = $service", ("$service", service), ("$spec", spec.ToByteArray()), ("$hash", hash));

    /// <summary>The data that a service on this node runs on has another epoch by now; without a placement there nothing changes.</summary>
    public static void SetData(SqliteConnection connection, string service, string node, ulong epoch, string volumeId) =>
        connection.Execute(
            "UPDATE placements SET epoch = $epoch, volume_id = $volume WHERE service = $service AND node = $node",
            ("$service", service), ("$node", node), ("$epoch", (long)epoch), ("$volume", volumeId));

    /// <summary>Ends the placement; the data record stays.</summary>
    public static void Remove(SqliteConnection connection, string service) => connection.Execute("DELETE FROM placements WHERE service = $service", ("$service", service));

    private static PlacementRow Map(SqliteDataReader r) => new()
    {
        Service = r.GetString(0),
        Node = r.GetString(1),
        Pending = r.GetString(2) == "pending",
        Spec = ServiceSpec.Parser.ParseFrom(r.Blob(3)),
        SpecHash = r.GetString(4),
        Images = GenerationRecord.Parser.ParseFrom(r.Blob(5)).Images,
        Ports = AgentDeployResult.Parser.ParseFrom(r.Blob(6)).Ports,
        Generation = (ulong)r.GetInt64(7),
        Epoch = (ulong)r.GetInt64(8),
        VolumeId = r.GetString(9),
        Principal = r.GetString(10),
        At = r.GetString(11),
        Operation = r.GetString(12),
    };
}
