using Mcp.Errors;
using Mcp.Placement;
using Mcp.V1;

namespace Mcp.Master.Migrations;

/// <summary>What a migration is refused for before anything acts; pure. A refusal is a value; null means that the rule is kept.</summary>
internal static class MigrationRules
{
    /// <summary>
    /// Bytes a second that an estimate assumes before this fleet has moved anything: what one machine with two busy cores did as master, source and target together (27 to 36 MB/s).
    /// </summary>
    public const ulong AssumedRate = 30 * 1000 * 1000;

    // Of less data, the time is that of connecting and fsync.
    private const ulong LeastMeasured = 16 * 1024 * 1024;

    /// <summary>Stop, create, start, health; what an interruption takes without any data.</summary>
    private static readonly TimeSpan Fixed = TimeSpan.FromSeconds(5);

    /// <summary>Whether a service of this spec may go from <paramref name="source"/> to <paramref name="target"/>.</summary>
    public static McpException? Nodes(FleetSnapshot fleet, string service, string tier, string source, string target)
    {
        if (fleet.Find(target) is not { } node)
            return new McpException(FaultCode.NotFound, $"there is no node {Text.Printable.Line(target, 80)}") { Hint = "mcp node list" };
        if (target == source)
            return Refuse(service, $"it is on {target} already", "mcp status " + service);
        if (tier == "core")
            return Refuse(service, "it is a core service, and those stay on the master's node", "give it tier = \"worker\" first, if it may leave: mcp service edit " + service);
        return Problem(fleet, node) is { } problem ? Refuse(service, $"{target} {problem}", "mcp node list") : null;
    }

    /// <summary>Whether the target's disk takes the data; nothing was stopped yet.</summary>
    /// <param name="service">The service.</param>
    /// <param name="target">Where it goes.</param>
    /// <param name="bytes">Of the data.</param>
    /// <param name="free">On the target.</param>
    public static McpException? Room(string service, string target, ulong bytes, ulong free)
    {
        var needed = Needed(bytes);
        return free >= needed ? null : new McpException(FaultCode.ResourceExhausted, $"{service} cannot move to {target}: its disk has {Size(free)} free, and {Size(needed)} are needed")
        {
            Cause = $"the data is {Size(bytes)}; a tenth of it, at least 64 MiB, must stay free",
            State = "nothing was done",
            Hint = $"make room on {target}, or choose another node: mcp node list",
        };
    }

    /// <summary>What must be free on the target for so much data.</summary>
    public static ulong Needed(ulong bytes) => bytes + Math.Max(bytes / 10, 64UL * 1024 * 1024);

    /// <summary>How long the service will be interrupted, about.</summary>
    /// <param name="bytes">Of the data.</param>
    /// <param name="rate">Bytes a second.</param>
    public static TimeSpan Estimate(ulong bytes, ulong rate) => Fixed + TimeSpan.FromSeconds(bytes / (double)rate);

    /// <summary>Bytes a second of the last copy from <paramref name="source"/> to <paramref name="target"/>, else of the last one between others, else what is assumed.</summary>
    /// <param name="earlier">Migrations, the newest first.</param>
    /// <param name="source">Where the data comes from.</param>
    /// <param name="target">Where it goes.</param>
    public static ulong Rate(IEnumerable<MigrationRow> earlier, string source, string target)
    {
        var others = AssumedRate;
        foreach (var row in earlier)
        {
            if (RateOf(row.Detail) is not { } rate)
                continue;
            if (row.Source == source && row.Target == target)
                return rate;
            others = others == AssumedRate ? rate : others;
        }
        return others;
    }

    // Null: nothing was copied, or too little to say anything.
    private static ulong? RateOf(MigrationDetail detail)
    {
        var millis = detail.Steps.Where(s => s.Step is "export" or "import" && s is { Success: true, Skipped: false }).Sum(s => s.Millis);
        return detail.Trailer is { Bytes: >= LeastMeasured } trailer && millis > 0 ? trailer.Bytes * 1000 / (ulong)millis : null;
    }

    /// <summary>Refuses to leave anything behind unasked.</summary>
    public static McpException? Skipped(string service, IReadOnlyList<SkippedEntry> skipped, bool accepted) => skipped.Count == 0 || accepted
        ? null
        : new McpException(FaultCode.FailedPrecondition, $"{skipped.Count} entr{(skipped.Count == 1 ? "y" : "ies")} of {service} would not move")
        {
            Cause = string.Join("; ", skipped.Take(20).Select(s => $"{Text.PrintableBytes.Line(s.Path.Span)}: {s.Rule}")) + (skipped.Count > 20 ? $"; and {skipped.Count - 20} more" : ""),
            State = "nothing was done",
            Hint = "if the service does not need them: repeat with --accept-skipped",
        };

    private static string? Problem(FleetSnapshot fleet, NodeView node) => node switch
    {
        { Role: "edge" } => "is an edge node; edge nodes serve public routes and never run services",
        { Health: NodeHealth.Unhealthy } => "is unhealthy",
        { Health: NodeHealth.Unknown } => "has not been heard since the master started",
        { Cordoned: true } => $"is cordoned (mcp node uncordon {node.Name})",
        { Role: "master" } when fleet.ScheduleOnMaster == ScheduleOnMaster.Never => "is the master's node ([placement] schedule_on_master = \"never\")",
        { Role: "master" } when fleet.ScheduleOnMaster == ScheduleOnMaster.Fallback && fleet.Nodes.Any(n => n.Role == "worker" && n.Health == NodeHealth.Healthy && !n.Cordoned) =>
            "is the master's node, and there are healthy workers ([placement] schedule_on_master = \"fallback\")",
        _ => null,
    };

    private static McpException Refuse(string service, string why, string hint) => new(FaultCode.FailedPrecondition, $"{service} cannot move: {why}") { State = "nothing was done", Hint = hint };

    private static string Size(ulong bytes) => bytes >= 1UL << 30
        ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{bytes / (double)(1UL << 30):0.0} GiB")
        : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{bytes / (double)(1UL << 20):0.0} MiB");
}
