namespace Mcp.Master.Snapshots;

/// <summary>What is pruned after a new archive.</summary>
/// <param name="Remove">These.</param>
/// <param name="ShrunkFrom">The archive of which the new one has under half the size; empty: of none. Then nothing is removed.</param>
internal sealed record Pruning(IReadOnlyList<SnapshotRow> Remove, string ShrunkFrom);

/// <summary>
/// Which archives are kept: the last so many good scheduled ones, and whatever people asked for. Never the newest complete one; and none at all while
/// the newest has under half the size of what was there, since then it may be the service that lost its data. Pure.
/// Archives are ordered by their ids, which count up: by a clock that was set back, the newest would look like the oldest.
/// </summary>
internal static class SnapshotRetention
{
    /// <summary>Judges after a success.</summary>
    /// <param name="all">All archives of the service, the fresh one among them.</param>
    /// <param name="fresh">The one that was just made.</param>
    /// <param name="shrunkFrom">What an earlier judgement compared with and nobody has looked at yet; empty: nothing.</param>
    /// <param name="retain">How many scheduled ones stay.</param>
    public static Pruning Judge(IReadOnlyList<SnapshotRow> all, SnapshotRow fresh, string shrunkFrom, int retain)
    {
        var newestFirst = all.OrderByDescending(s => s.Id).ToList();
        // Whoever asks for one by hand has looked, and says that the size is right.
        var before = fresh.Manual ? null : newestFirst.Find(s => s.Filename == shrunkFrom && s.Id != fresh.Id) ?? newestFirst.Find(s => s.Id < fresh.Id);
        // By what is in them: compression may change.
        if (before is not null && fresh.Trailer.Bytes < before.Trailer.Bytes / 2)
            return new Pruning([], before.Filename);
        // One that is known to be damaged or missing is no backup: it takes no good one's place.
        var complete = newestFirst.Find(s => !s.Partial && s.Damage.Length == 0);
        var good = 0;
        return new Pruning([.. newestFirst.Where(s => !s.Manual).Where(s => (s.Damage.Length == 0 ? good++ : good) >= retain).Where(s => s.Id != fresh.Id && s.Id != complete?.Id)], "");
    }
}
