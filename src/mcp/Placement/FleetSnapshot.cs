using Mcp.Names;

namespace Mcp.Placement;

/// <summary>What the master knows of one node when it places a service.</summary>
/// <param name="Name">The node.</param>
/// <param name="Role">"master", "worker" or "edge".</param>
/// <param name="Health">As last established; only healthy nodes get services.</param>
/// <param name="Cordoned">The operator wants no new service there.</param>
/// <param name="PlacedContainers">Containers of the services placed there, those being placed included.</param>
/// <param name="ReportedContainers">Containers of the last heartbeat; may lag behind or count foreign ones.</param>
internal sealed record NodeView(NodeName Name, string Role, NodeHealth Health, bool Cordoned, int PlacedContainers, int ReportedContainers)
{
    /// <summary>The larger of placed and reported: neither a late heartbeat nor a container that runs by hand makes a node look empty.</summary>
    public int Load => Math.Max(PlacedContainers, ReportedContainers);
}

/// <summary>Whether a node answers.</summary>
internal enum NodeHealth
{
    /// <summary>Not asked yet since the master started, or never heard of.</summary>
    Unknown,

    /// <summary>Heartbeats arrive and health checks are answered.</summary>
    Healthy,

    /// <summary>One of the two directions is broken.</summary>
    Unhealthy,
}

/// <summary>Whether the master's own node may be chosen like a worker: <c>[placement] schedule_on_master</c>.</summary>
internal enum ScheduleOnMaster
{
    /// <summary>Only when no healthy, uncordoned worker exists.</summary>
    Fallback,

    /// <summary>Like any worker.</summary>
    Always,

    /// <summary>Never.</summary>
    Never,
}

/// <summary>Everything that a placement depends on; no clock, no IO.</summary>
/// <param name="Nodes">All nodes of the fleet.</param>
/// <param name="ScheduleOnMaster">The policy for the master's own node.</param>
internal sealed record FleetSnapshot(IReadOnlyList<NodeView> Nodes, ScheduleOnMaster ScheduleOnMaster)
{
    /// <summary>The node of that name, or null.</summary>
    public NodeView? Find(string name) => Nodes.FirstOrDefault(n => n.Name.Value == name);
}
