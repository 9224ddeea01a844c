using Mcp.Sqlite;
using Microsoft.Data.Sqlite;

namespace Mcp.Master.Snapshots;

/// <summary>How the snapshots of one service go; see <c>snapshot_courses</c> in schema.sql.</summary>
/// <param name="Service">Whose.</param>
/// <param name="TriedAt">The last try; RFC 3339.</param>
/// <param name="Failed">Why it failed; empty: it did not.</param>
/// <param name="ShrunkFrom">The archive of which a newer one has under half the size; empty: none.</param>
/// <param name="DrillTriedAt">The last drill.</param>
/// <param name="DrillFailed">Why it failed; empty: it did not.</param>
/// <param name="ProvenAt">The last drill that succeeded.</param>
internal sealed record SnapshotCourse(string Service, string? TriedAt, string Failed, string ShrunkFrom, string? DrillTriedAt, string DrillFailed, string? ProvenAt);

/// <summary>How snapshots go, by service.</summary>
internal static class SnapshotCourseStore
{
    /// <summary>All of them.</summary>
    public static Dictionary<string, SnapshotCourse> All(SqliteConnection connection) =>
        connection.Query("SELECT service, tried_at, failed, shrunk_from, drill_tried_at, drill_failed, proven_at FROM snapshot_courses", Map)
            .ToDictionary(c => c.Service, StringComparer.Ordinal);

    /// <summary>Of one service, or null.</summary>
    public static SnapshotCourse? Find(SqliteConnection connection, string service) => connection.QueryFirst(
        "SELECT service, tried_at, failed, shrunk_from, drill_tried_at, drill_failed, proven_at FROM snapshot_courses WHERE service = $service", Map, ("$service", service));

    /// <summary>A try ended; <paramref name="failed"/> is empty after a success.</summary>
    public static void Tried(SqliteConnection connection, string service, string at, string failed) => connection.Execute(
        "INSERT INTO snapshot_courses(service, tried_at, failed) VALUES($service, $at, $failed) ON CONFLICT(service) DO UPDATE SET tried_at = $at, failed = $failed",
        ("$service", service), ("$at", at), ("$failed", failed));

    /// <summary>The newest archive has under half the size of this one; empty: a person has looked, or it was right.</summary>
    public static void Shrunk(SqliteConnection connection, string service, string from) => connection.Execute(
        "INSERT INTO snapshot_courses(service, shrunk_from) VALUES($service, $from) ON CONFLICT(service) DO UPDATE SET shrunk_from = $from",
        ("$service", service), ("$from", from));

    /// <summary>A drill ended; <paramref name="failed"/> is empty after a success.</summary>
    public static void Drilled(SqliteConnection connection, string service, string at, string failed) => connection.Execute(
        """
        INSERT INTO snapshot_courses(service, drill_tried_at, drill_failed, proven_at) VALUES($service, $at, $failed, CASE $failed WHEN '' THEN $at END)
        ON CONFLICT(service) DO UPDATE SET drill_tried_at = $at, drill_failed = $failed, proven_at = CASE $failed WHEN '' THEN $at ELSE proven_at END
        """,
        ("$service", service), ("$at", at), ("$failed", failed));

    private static SnapshotCourse Map(SqliteDataReader r) =>
        new(r.GetString(0), r.TextOrNull(1), r.GetString(2), r.GetString(3), r.TextOrNull(4), r.GetString(5), r.TextOrNull(6));
}
