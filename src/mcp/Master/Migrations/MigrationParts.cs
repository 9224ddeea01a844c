using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.Master.Snapshots;
using Mcp.Sqlite;

namespace Mcp.Master.Migrations;

/// <summary>What every migration of a master stands on.</summary>
internal sealed class MigrationParts
{
    /// <summary>master.db.</summary>
    public required Database Database { get; init; }

    /// <summary>Channels to agents.</summary>
    public required AgentLinks Links { get; init; }

    /// <summary>Calls that are brought to a known end.</summary>
    public required AgentOperations Agents { get; init; }

    /// <summary>What nodes see.</summary>
    public required IAgentEyes Eyes { get; init; }

    /// <summary>Health of the nodes.</summary>
    public required NodeHealthBoard Board { get; init; }

    /// <summary>What a deploy leaves in the database.</summary>
    public required DeployEnding Deployed { get; init; }

    /// <summary>Data on its way.</summary>
    public required DataRelay Relay { get; init; }

    /// <summary>Where snapshots lie.</summary>
    public required SnapshotFolder Snapshots { get; init; }

    /// <summary>mcp-master.toml.</summary>
    public required MasterConfiguration Configuration { get; init; }

    /// <summary>The clock of everything.</summary>
    public required TimeProvider Clock { get; init; }

    /// <summary>A node that was removed as lost says nothing any more, and is not waited for.</summary>
    public bool IsLost(string node) => Database.Read(c => NodeStore.Find(c, node)) is null;
}
