using Mcp.Names;

namespace Mcp.Master.Snapshots;

/// <summary>
/// Whose archive: a service, a node's agent or proxy, or the master itself. <see cref="Key"/> is also the folder below the snapshot folder, so
/// it is made of checked names alone.
/// </summary>
internal sealed record SnapshotSubject
{
    /// <summary>The reserved name of an agent's own state.</summary>
    public const string AgentState = "mcp-agent";

    /// <summary>The reserved name of a proxy's own state.</summary>
    public const string ProxyState = "mcp-proxy";

    /// <summary>The master's own state.</summary>
    public static readonly SnapshotSubject Master = new(ReservedNames.MasterService, "");

    private SnapshotSubject(string name, string node) => (Name, Node) = (name, node);

    /// <summary>A service's name, or a reserved one.</summary>
    public string Name { get; }

    /// <summary>The node whose own state it is; empty of a service, which may be on another node tomorrow.</summary>
    public string Node { get; }

    /// <summary>"notes", "mcp-agent/orion", "mcp-master".</summary>
    public string Key => Node.Length == 0 ? Name : $"{Name}/{Node}";

    /// <summary>Whether it is a service's data.</summary>
    public bool IsService => Node.Length == 0 && this != Master;

    /// <summary>The data of a service.</summary>
    /// <exception cref="FormatException">Not a service's name.</exception>
    public static SnapshotSubject Service(string name) => name == Master.Name ? throw new FormatException($"'{name}' is the master itself") : new(ServiceName.Parse(name).Value, "");

    /// <summary>The own state of a node's agent or proxy.</summary>
    /// <exception cref="FormatException">Not a node's name.</exception>
    public static SnapshotSubject Infrastructure(string name, string node) => new(name, NodeName.Parse(node).Value);

    /// <summary>Reads a key; false: it is none.</summary>
    public static bool TryParse(string key, out SnapshotSubject subject)
    {
        subject = Master;
        if (key == Master.Name)
            return true;
        if (key.Split('/') is [AgentState or ProxyState, var node] parts && NodeName.TryParse(node, out _, out _))
        {
            subject = new SnapshotSubject(parts[0], node);
            return true;
        }
        if (!ServiceName.TryParse(key, out var service, out _))
            return false;
        subject = new SnapshotSubject(service.Value, "");
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Key;
}
