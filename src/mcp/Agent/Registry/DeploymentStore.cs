using Google.Protobuf;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Agent.Registry;

/// <summary>The journal of deploys: what each is about to do with each container, written before podman is asked for anything.</summary>
internal sealed class DeploymentStore(Database database)
{
    /// <summary>Writes the deployment beside its operation row, in the same transaction.</summary>
    public static void Begin(SqliteConnection connection, OperationId operation, ulong generation, ServiceSpec? oldSpec, ServiceSpec newSpec) =>
        connection.Execute(
            "INSERT INTO deployments(operation, generation, old_spec, new_spec) VALUES($o, $g, $old, $new)",
            ("$o", operation.Value), ("$g", (long)generation), ("$old", oldSpec?.ToByteArray()), ("$new", newSpec.ToByteArray()));

    /// <summary>The deployment of an operation with its components in the order of doing, or null.</summary>
    public DeploymentRow? Find(OperationId operation) =>
        database.Read(connection => connection.QueryFirst(
            "SELECT generation, old_spec, new_spec, committed, made_network, made_data FROM deployments WHERE operation = $o",
            row => new DeploymentRow(
                operation, (ulong)row.GetInt64(0), row.IsDBNull(1) ? null : ServiceSpec.Parser.ParseFrom(row.Blob(1)), ServiceSpec.Parser.ParseFrom(row.Blob(2)),
                row.GetInt64(3) != 0, row.GetInt64(4) != 0, row.GetInt64(5) != 0, []),
            ("$o", operation.Value)) is { } deployment
            ? deployment with
            {
                Components = connection.Query(
                    """
                    SELECT component, action, container_name, old_id, old_running, new_id, spec_hash, made_of, image_reference, image_digest, image_id
                    FROM deployment_components WHERE operation = $o ORDER BY ordinal
                    """,
                    row => new ComponentChange(
                        row.GetString(0), Enum.Parse<ChangeAction>(row.GetString(1), ignoreCase: true), row.GetString(2), row.GetString(3), row.GetInt64(4) != 0, row.GetString(5),
                        row.GetString(6), row.GetString(7),
                        new ComponentImage { Component = row.GetString(0), Reference = row.GetString(8), Digest = row.GetString(9), ImageId = row.GetString(10) }),
                    ("$o", operation.Value)),
            }
            : null);

    /// <summary>Writes what is about to be done with every component, in the caller's transaction: from here on a kill is put back.</summary>
    public static void Plan(SqliteConnection connection, OperationId operation, IReadOnlyList<ComponentChange> changes, bool madeNetwork)
    {
        connection.Execute("UPDATE deployments SET made_network = $network WHERE operation = $o", ("$network", madeNetwork ? 1 : 0), ("$o", operation.Value));
        for (var i = 0; i < changes.Count; i++)
        {
            var c = changes[i];
            connection.Execute(
                """
                INSERT INTO deployment_components(operation, ordinal, component, action, container_name, old_id, old_running, spec_hash, made_of, image_reference, image_digest, image_id)
                VALUES($o, $n, $component, $action, $name, $old, $running, $hash, $made, $reference, $digest, $image)
                """,
                ("$o", operation.Value), ("$n", i), ("$component", c.Component), ("$action", c.Action.ToString().ToLowerInvariant()), ("$name", c.ContainerName),
                ("$old", c.OldId), ("$running", c.OldRunning ? 1 : 0), ("$hash", c.SpecHash), ("$made", c.MadeOf), ("$reference", c.Image.Reference),
                ("$digest", c.Image.Digest), ("$image", c.Image.ImageId));
        }
    }

    /// <summary>Records that this deploy is the first to make the data folder.</summary>
    public void MarkMadeData(OperationId operation) =>
        database.Write(connection => connection.Execute("UPDATE deployments SET made_data = 1 WHERE operation = $o", ("$o", operation.Value)));

    /// <summary>Records the container that was made for a component.</summary>
    public void SetNew(OperationId operation, string component, string containerId) =>
        database.Write(connection => connection.Execute(
            "UPDATE deployment_components SET new_id = $id WHERE operation = $o AND component = $c",
            ("$id", containerId), ("$o", operation.Value), ("$c", component)));

    /// <summary>Marks the deploy as committed, in the transaction that writes the registry: from here only forward.</summary>
    public static void Commit(SqliteConnection connection, OperationId operation) =>
        connection.Execute("UPDATE deployments SET committed = 1 WHERE operation = $o", ("$o", operation.Value));
}

/// <summary>A deploy in the journal.</summary>
internal sealed record DeploymentRow(
    OperationId Operation, ulong Generation, ServiceSpec? OldSpec, ServiceSpec NewSpec, bool Committed, bool MadeNetwork, bool MadeData, IReadOnlyList<ComponentChange> Components);

/// <summary>What a deploy does with one component.</summary>
internal enum ChangeAction
{
    /// <summary>There was no container: make one.</summary>
    Create,

    /// <summary>Stop and rename the old one, make a new one.</summary>
    Replace,

    /// <summary>The definition has it no more: stop and rename the old one, remove it at the end.</summary>
    Remove,

    /// <summary>The same container, which was stopped: start it.</summary>
    Start,

    /// <summary>The same container, and the service is to be stopped: stop it.</summary>
    Stop,

    /// <summary>Nothing to do.</summary>
    Keep,
}

/// <summary>One component of a deploy in the journal.</summary>
/// <param name="OldId">The container before; empty: none.</param>
/// <param name="OldRunning">Whether it ran before, so that a put-back starts it again.</param>
/// <param name="NewId">The container made by this deploy; empty until it was made.</param>
internal sealed record ComponentChange(
    string Component, ChangeAction Action, string ContainerName, string OldId, bool OldRunning, string NewId, string SpecHash, string MadeOf, ComponentImage Image)
{
    /// <summary>Whether a new container is made.</summary>
    public bool Makes => Action is ChangeAction.Create or ChangeAction.Replace;

    /// <summary>Whether the old container gives way.</summary>
    public bool Retires => Action is ChangeAction.Replace or ChangeAction.Remove;
}
