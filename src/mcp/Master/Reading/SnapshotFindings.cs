using Mcp.Master.Deployments;
using Mcp.Master.Snapshots;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>Where a backup is missing, too old, not whole, suspiciously small or not proven; pure.</summary>
internal static class SnapshotFindings
{
    private const int MostNamed = 3;

    /// <summary>All of them.</summary>
    public static IEnumerable<Finding> Of(FindingFacts facts)
    {
        if (facts.Snapshots is not { } snapshots)
            return [];
        return facts.Placements.Where(p => !p.Pending && p.Service != SnapshotSubject.Master.Name)
            .SelectMany(p => OfService(facts, snapshots, p))
            .Concat(facts.Nodes.Where(n => n.JoinedAt is not null).SelectMany(n => OfState(facts, snapshots, $"{SnapshotSubject.AgentState}/{n.Name}", n.Name, n.JoinedAt)))
            .Concat(OfState(facts, snapshots, SnapshotSubject.Master.Key, "", null));
    }

    private static IEnumerable<Finding> OfService(FindingFacts facts, SnapshotFacts snapshots, PlacementRow placement)
    {
        var (service, node) = (placement.Service, placement.Node);
        var newest = snapshots.Newest.GetValueOrDefault(service);
        var course = snapshots.Courses.GetValueOrDefault(service);
        if (IsOld(facts, snapshots, newest, Timestamp.Read(placement.At)))
        {
            yield return FindingRules.New("snapshot old", "warning", node, service,
                (newest is null ? $"there is no snapshot of {service}" : $"the newest snapshot of {service} is of {newest.CreatedAt}") + Why(course), $"mcp snapshot create {service}");
        }
        if (snapshots.Missing.GetValueOrDefault(service) is > 0 and var missing)
        {
            yield return FindingRules.New("snapshot missing", newest is null ? "error" : "warning", node, service,
                $"{(missing == 1 ? "1 snapshot" : $"{missing} snapshots")} of {service} {(missing == 1 ? "is" : "are")} known, but not in the snapshot folder{(newest is null ? "; there is no other" : "")}",
                $"{(newest is null ? $"mcp snapshot create {service}; " : "")}mcp snapshot list {service}; what is left of the folder elsewhere: copy it there and restart the master");
        }
        if (newest is { Damage.Length: > 0 })
            yield return FindingRules.New("snapshot damaged", "error", node, service, $"the newest snapshot of {service} ({newest.Filename}) is damaged: {newest.Damage}", $"mcp snapshot create {service}; mcp snapshot verify {service} --all");
        // What the operator excluded is in none because he said so.
        var left = newest?.Trailer.Skipped.Where(s => s.Rule != ExcludedRule).ToList() ?? [];
        if (left.Count > 0)
        {
            var named = string.Join(", ", left.Take(MostNamed).Select(s => $"{PrintableBytes.Line(s.Path.Span, 100)} {s.Rule}"));
            yield return FindingRules.New("files in no snapshot", "warning", node, service,
                $"{left.Count} of the files of {service} {(left.Count == 1 ? "is" : "are")} in no snapshot: {named}{(left.Count > MostNamed ? ", …" : "")}",
                $"mcp snapshot list {service}; take them along ([snapshot] method = \"full\"), move them, or exclude them in its definition: mcp service edit {service}");
        }
        if (course is { ShrunkFrom.Length: > 0 })
        {
            yield return FindingRules.New("snapshot shrunk", "warning", node, service,
                $"the newest snapshot of {service} holds less than half of what {course.ShrunkFrom} holds; nothing older is removed until that is looked at",
                $"mcp snapshot list {service}; if its data is meant to be smaller: mcp snapshot create {service}; if not: mcp snapshot restore {service} --id {course.ShrunkFrom}");
        }
        if (course is { DrillFailed.Length: > 0 })
        {
            yield return FindingRules.New("drill failed", "error", node, service,
                $"the last drill of {service} failed: {Printable.Line(course.DrillFailed, 500)}", $"mcp snapshot drill {service}; mcp snapshot verify {service}", Timestamp.Read(course.DrillTriedAt));
        }
        else if (snapshots.Drill > TimeSpan.Zero && snapshots.Complete.Contains(service) && facts.Now - (Timestamp.Read(course?.ProvenAt) ?? Timestamp.Read(placement.At) ?? facts.Now) > 2 * snapshots.Drill)
        {
            yield return FindingRules.New("drill overdue", "warning", node, service,
                course?.ProvenAt is { } proven ? $"that {service} restores was last proven at {proven}" : $"that {service} restores was never proven", $"mcp snapshot drill {service}");
        }
    }

    // The control plane's own state. An agent of a version before snapshots has none, and is told of as a version skew.
    private static IEnumerable<Finding> OfState(FindingFacts facts, SnapshotFacts snapshots, string key, string node, string? since)
    {
        if (snapshots.Newest.GetValueOrDefault(key) is { } newest && IsOld(facts, snapshots, newest, Timestamp.Read(since)))
        {
            yield return FindingRules.New("snapshot old", "warning", node, "",
                $"the newest snapshot of {key} is of {newest.CreatedAt}{Why(snapshots.Courses.GetValueOrDefault(key))}", $"mcp snapshot create {key}");
        }
    }

    private static bool IsOld(FindingFacts facts, SnapshotFacts snapshots, SnapshotRow? newest, DateTimeOffset? since) =>
        snapshots.Interval > TimeSpan.Zero && facts.Now - (Timestamp.Read(newest?.CreatedAt) ?? since ?? facts.Now) > 2 * snapshots.Interval;

    private static string Why(SnapshotCourse? course) => course is { Failed.Length: > 0 } ? $"; the last try, at {course.TriedAt}, failed: {Printable.Line(course.Failed, 500)}" : "";

    /// <summary>As the export words it.</summary>
    private const string ExcludedRule = "is excluded by the definition";
}
