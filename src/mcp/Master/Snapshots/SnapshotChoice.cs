using System.Globalization;
using Mcp.Errors;
using Mcp.Text;

namespace Mcp.Master.Snapshots;

/// <summary>Which snapshot is meant, by number, file name or time. Rows are compared with what was typed; nothing typed ever becomes a path. Pure.</summary>
internal static class SnapshotChoice
{
    /// <summary>Chooses among the snapshots of one service.</summary>
    /// <param name="all">The newest first.</param>
    /// <param name="service">Whose, for messages.</param>
    /// <param name="id">Its number or file name; empty: not given.</param>
    /// <param name="at">The newest that is not younger; empty: not given. Without either: the newest complete one, else the newest.</param>
    /// <exception cref="McpException">NotFound or InvalidArgument.</exception>
    public static SnapshotRow Of(IReadOnlyList<SnapshotRow> all, string service, string id, string at)
    {
        if (all.Count == 0)
            throw new McpException(FaultCode.NotFound, $"there is no snapshot of {service}") { Hint = $"mcp snapshot create {service}" };
        if (id.Length > 0 && at.Length > 0)
            throw new McpException(FaultCode.InvalidArgument, "a snapshot is chosen by its id or by a time, not by both");
        if (id.Length > 0)
            return ById(all, id) ?? throw Unknown(service, $"{service} has no snapshot '{Printable.Line(id, 80)}'");
        if (at.Length == 0)
            return all.FirstOrDefault(s => !s.Partial) ?? all[0];
        var time = Timestamp.Read(at) ?? throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(at, 80)}' is no time") { Hint = "as 2026-04-01T00:00:00Z" };
        return all.Where(s => Timestamp.Read(s.CreatedAt) <= time).MaxBy(s => (s.CreatedAt, s.Id))
            ?? throw Unknown(service, $"{service} has no snapshot as old as {Timestamp.Format(time)}");
    }

    /// <summary>The next older one without known damage, to propose when one turned out bad; null: there is none.</summary>
    public static SnapshotRow? OlderThan(IReadOnlyList<SnapshotRow> all, SnapshotRow bad) =>
        all.FirstOrDefault(s => s.Id < bad.Id && s.Damage.Length == 0 && !s.Partial) ?? all.FirstOrDefault(s => s.Id < bad.Id && s.Damage.Length == 0);

    private static SnapshotRow? ById(IReadOnlyList<SnapshotRow> all, string id) =>
        long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? all.FirstOrDefault(s => s.Id == number)
            : all.FirstOrDefault(s => s.Filename == id || s.Filename == id + SnapshotName.Extension);

    private static McpException Unknown(string service, string what) => new(FaultCode.NotFound, what) { Hint = $"mcp snapshot list {service}" };
}
