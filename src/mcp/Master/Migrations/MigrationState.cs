namespace Mcp.Master.Migrations;

/// <summary>
/// How far a migration is: the last step that is done. A row is committed before whatever a later process must know of, so that a kill anywhere is
/// resumed as <see cref="MigrationResume"/> says.
/// <code>
///  Validated ─2 stop─→ Stopped ─3 export, 4 import─→ Imported ─5 deploy─→ Healthy ─6─→ Committed ─7─→ Routed ─8─→ Edged ─9─→ Done ─later─→ Reaped
///      └───────────────────┴──────────────┬─────────────┴───────────────────┘
///                                       Back ─→ Undone
/// </code>
/// </summary>
internal enum MigrationState
{
    /// <summary>1 What can be checked was checked, and the intent is committed. The source may be stopping.</summary>
    Validated,

    /// <summary>2 The source is stopped and held.</summary>
    Stopped,

    /// <summary>4 The target has the data, verified, in the new epoch.</summary>
    Imported,

    /// <summary>5 The containers on the target are healthy.</summary>
    Healthy,

    /// <summary>6 The target owns the service: there is no way back from here.</summary>
    Committed,

    /// <summary>7 Routes and DNS lead to the target.</summary>
    Routed,

    /// <summary>8 Edge routes lead to the target.</summary>
    Edged,

    /// <summary>9 The source's containers are gone and its data is aside.</summary>
    Done,

    /// <summary>The copy that was kept on the source is erased.</summary>
    Reaped,

    /// <summary>It failed before 6, and what it did is being taken back.</summary>
    Back,

    /// <summary>Everything is as before it began.</summary>
    Undone,
}
