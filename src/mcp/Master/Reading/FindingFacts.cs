using Mcp.Master.Deployments;
using Mcp.Master.Registration;
using Mcp.Master.Snapshots;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>Everything that the findings are computed from, at one moment.</summary>
internal sealed record FindingFacts
{
    /// <summary>The present time.</summary>
    public required DateTimeOffset Now { get; init; }

    /// <summary>This master's version.</summary>
    public required string Version { get; init; }

    /// <summary>The allowlist.</summary>
    public required IReadOnlyList<NodeRow> Nodes { get; init; }

    /// <summary>What was last seen of each node.</summary>
    public required IReadOnlyDictionary<string, NodeObservation> Seen { get; init; }

    /// <summary>Health by node.</summary>
    public required Func<string, NodeCondition> Condition { get; init; }

    /// <summary>What nodes said just now.</summary>
    public required IReadOnlyDictionary<string, NodeAnswer> Answers { get; init; }

    /// <summary>Services on which an operation or an agent's start was at work while the nodes were asked: what was seen of them is no verdict.</summary>
    public required IReadOnlySet<string> Busy { get; init; }

    /// <summary>What should run where.</summary>
    public required IReadOnlyList<PlacementRow> Placements { get; init; }

    /// <summary>The current data of every service, without specs.</summary>
    public required IReadOnlyList<DataRecord> Data { get; init; }

    /// <summary>What agents said at Register.</summary>
    public required IReadOnlyList<ReportedService> Reported { get; init; }

    /// <summary>Operations that did not end.</summary>
    public required IReadOnlyList<OperationRow> Open { get; init; }

    /// <summary>Whether an open operation is at work in this process.</summary>
    public required Func<string, bool> IsAtWork { get; init; }

    /// <summary>The end of each principal's last certificate.</summary>
    public required IReadOnlyDictionary<string, string> CertificateEnds { get; init; }

    /// <summary>Nodes of which a restored master still waits to hear, with its term; empty at all other times.</summary>
    public required IReadOnlyList<string> Awaited { get; init; }

    /// <summary>Nodes that obey a master of a higher term, while most do not.</summary>
    public required IReadOnlyList<string> Estranged { get; init; }

    /// <summary>What is known of snapshots and drills; null: none are made.</summary>
    public SnapshotFacts? Snapshots { get; init; }
}

/// <summary>What is known of snapshots and drills.</summary>
/// <param name="Newest">The newest snapshot of each service whose file is there.</param>
/// <param name="Missing">How many of each service are known, but are not in the snapshot folder.</param>
/// <param name="Complete">Services that have a complete one without known damage, which a drill can try out.</param>
/// <param name="Courses">How the last tries went.</param>
/// <param name="Interval">Between two scheduled snapshots; zero: there is no schedule.</param>
/// <param name="Drill">Between two scheduled drills; zero: there is no schedule.</param>
internal sealed record SnapshotFacts(
    IReadOnlyDictionary<string, SnapshotRow> Newest, IReadOnlyDictionary<string, long> Missing, IReadOnlySet<string> Complete, IReadOnlyDictionary<string, SnapshotCourse> Courses, TimeSpan Interval, TimeSpan Drill);
