using Mcp.Certificates;
using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Master.Files;
using Mcp.Master.Identity;
using Mcp.Master.Migrations;
using Mcp.Master.Reading;
using Mcp.Master.Reconciliation;
using Mcp.Master.Recovery;
using Mcp.Master.Registration;
using Mcp.Master.Snapshots;
using Mcp.Operations;
using Mcp.Sqlite;

namespace Mcp.Master;

/// <summary>What the calls of a master are answered with; composed once by <see cref="MasterHost"/>.</summary>
internal sealed class MasterParts
{
    /// <summary>mcp-master.toml.</summary>
    public required MasterConfiguration Configuration { get; init; }

    /// <summary>master.db.</summary>
    public required Database Database { get; init; }

    /// <summary>Small writes that many callers make at once.</summary>
    public required GroupedWrites Writes { get; init; }

    /// <summary>The certificate authority.</summary>
    public required FleetAuthority Authority { get; init; }

    /// <summary>The clock of everything.</summary>
    public required TimeProvider Clock { get; init; }

    /// <summary>host:port at which this master is dialled.</summary>
    public required Func<string> Address { get; init; }

    /// <summary>Who is known.</summary>
    public required FleetDirectory Directory { get; init; }

    /// <summary>Which keys were seen.</summary>
    public required SeenKeys Seen { get; init; }

    /// <summary>Join.</summary>
    public required Joining Joining { get; init; }

    /// <summary>RenewIdentity.</summary>
    public required Renewal Renewal { get; init; }

    /// <summary>The list of nodes.</summary>
    public required NodeAdministration Nodes { get; init; }

    /// <summary>The list of people.</summary>
    public required OperatorAdministration Operators { get; init; }

    /// <summary>Register and Heartbeat.</summary>
    public required Registering Registering { get; init; }

    /// <summary>Health of the nodes.</summary>
    public required NodeHealthBoard Board { get; init; }

    /// <summary>Asks nodes whether they are there.</summary>
    public required HealthProbe Probe { get; init; }

    /// <summary>Whether this master's time is over.</summary>
    public required TermWatch Terms { get; init; }

    /// <summary>What is still to be heard after a restoration.</summary>
    public required FleetRecovery Recovery { get; init; }

    /// <summary>Channels to agents.</summary>
    public required AgentLinks Links { get; init; }

    /// <summary>Deploy and rollback.</summary>
    public required Deploying Deploying { get; init; }

    /// <summary>Undeploy.</summary>
    public required Undeploying Undeploying { get; init; }

    /// <summary>Start, stop, restart.</summary>
    public required Lifecycle Lifecycle { get; init; }

    /// <summary>Migrations.</summary>
    public required Migrating Migrating { get; init; }

    /// <summary>Migrations of everything on a node.</summary>
    public required MigratingAll MigratingAll { get; init; }

    /// <summary>What migrations leave behind.</summary>
    public required KeptCopies Kept { get; init; }

    /// <summary>Sync.</summary>
    public required Syncing Syncing { get; init; }

    /// <summary>The plan of a sync.</summary>
    public required SyncPlanning Planning { get; init; }

    /// <summary>Adopt.</summary>
    public required Adopting Adopting { get; init; }

    /// <summary>Purge.</summary>
    public required Purging Purging { get; init; }

    /// <summary>Accepting and erasing data.</summary>
    public required DataAdministration Data { get; init; }

    /// <summary>Push and pull.</summary>
    public required FileRelay Files { get; init; }

    /// <summary>Snapshots.</summary>
    public required SnapshotParts Snapshots { get; init; }

    /// <summary>Answers about the whole fleet.</summary>
    public required FleetStatus Status { get; init; }

    /// <summary>Where data is.</summary>
    public required DataListing Holdings { get; init; }

    /// <summary>What nodes said last.</summary>
    public required KeptAnswers KeptAnswers { get; init; }

    /// <summary>Answers from rows.</summary>
    public required Registry Registry { get; init; }

    /// <summary>Answers as streams.</summary>
    public required Streams Streams { get; init; }

    /// <summary>Events and audit as streams.</summary>
    public required EventStreams Events { get; init; }

    /// <summary>Answers to short changes, for a call that is made again.</summary>
    public required RepeatedCalls Repeated { get; init; }

    /// <summary>Progress of operations.</summary>
    public required OperationFeed Feed { get; init; }

    /// <summary>Cancelled when this master ends: streams that would go on for ever end with it.</summary>
    public CancellationToken Ending { get; set; }

    /// <summary>Set once the server is built: cuts the connections of whoever is revoked now.</summary>
    public Action CutRevoked { get; set; } = () => { };

    /// <summary>Set once the server is built: lets the next Register of a node pass whatever its budget.</summary>
    public Action<string> GrantRegister { get; set; } = _ => { };

    /// <summary>After a change of people, nodes, keys or tokens: puts it in force everywhere on this master.</summary>
    public void PutInForce()
    {
        Directory.Reload();
        CutRevoked();
    }
}
