namespace Mcp.Master.Snapshots;

/// <summary>What answers the calls about snapshots.</summary>
/// <param name="Folder">Where they lie.</param>
/// <param name="Taking">Creates them.</param>
/// <param name="Verification">Reads them.</param>
/// <param name="Answers">List, verify, download.</param>
/// <param name="Restoring">Restores them in place.</param>
/// <param name="Drilling">Tries them out.</param>
/// <param name="Schedule">Takes them by itself.</param>
/// <param name="Drills">Tries them out by itself.</param>
/// <param name="Review">Brings folder and database together at the start.</param>
/// <param name="State">The master's own state as an archive.</param>
internal sealed record SnapshotParts(
    SnapshotFolder Folder, SnapshotTaking Taking, SnapshotVerification Verification, SnapshotAnswers Answers, Restoring Restoring, Drilling Drilling, SnapshotSchedule Schedule,
    DrillSchedule Drills, SnapshotReview Review, MasterState State);
