using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.Errors;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Snapshots of services: taken and listed. Reading them whole, restoring and trying out are in the files beside.</summary>
internal sealed class SnapshotCommand(CommandContext context)
{
    /// <summary>Longer than moving any amount of data should take, and the longest that a call may ask for.</summary>
    internal static readonly TimeSpan MovingLimit = TimeSpan.FromHours(23);

    private const int MostNamed = 10;

    /// <summary>Takes a snapshot of a service now; the service runs on. `mcp snapshot SERVICE` is the same.</summary>
    /// <param name="service">service: whose data</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C lets go; the snapshot is made nevertheless.</param>
    [Command("create")]
    public async Task Create([Argument] string service, bool json = false, CancellationToken cancel = default)
    {
        var name = SnapshotTarget.Parse(service);
        using var link = await FleetLink.OpenAsync(context, cancel);
        var run = new OperationRun(context, link, $"snapshot of {name}", limit: MovingLimit);
        var made = await run.CallAsync(o => link.Master.CreateSnapshotAsync(new CreateSnapshotRequest { ServiceName = name }, o), cancel);
        if (json)
        {
            var kept = (await link.Master.ListSnapshotsAsync(new ListSnapshotsRequest { ServiceName = name }, cancellationToken: cancel)).Snapshots;
            context.Screen.Json(new SnapshotsDocument([.. kept.Where(s => s.Id == made.Id).Select(s => s.ToDocument())]), CliJson.Default.SnapshotsDocument);
            return;
        }
        context.Screen.Line($"snapshot {made.Id} of {name}: {made.Filename}, {Measures.Bytes(made.SizeBytes)} for {Measures.Bytes(made.DataBytes)} in {Measures.Entries(made.Entries)}{(made.Node.Length > 0 ? $", taken on {made.Node}" : "")}");
        foreach (var copy in made.Databases)
            context.Screen.Line($"  database {PrintableBytes.Line(copy.Path.Span, 300)}: {Measures.Bytes(copy.Bytes)}{(copy.NotChecked.Length > 0 ? $"; not all of it could be checked: {copy.NotChecked}" : ", checked")}");
        foreach (var skipped in made.Skipped.Take(MostNamed))
            context.Reporter.Warning($"not in it: {PrintableBytes.Line(skipped.Path.Span, 300)} {skipped.Rule}");
        if (made.Skipped.Count > MostNamed)
            context.Reporter.Warning($"and {made.Skipped.Count - MostNamed} more: mcp snapshot list {name} --json");
        if (made.ShrunkFrom.Length > 0)
            context.Reporter.Warning($"it holds less than half of what {made.ShrunkFrom} holds; nothing older is removed until a snapshot is taken by hand");
    }

    /// <summary>Lists snapshots, the newest first: what they hold, what they lack, when they were last verified and tried out.</summary>
    /// <param name="service">service: only of this one (default: all, and the control plane's own)</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("list")]
    public async Task List([Argument] string? service = null, bool json = false, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        var request = new ListSnapshotsRequest { ServiceName = service is null ? "" : SnapshotTarget.Parse(service) };
        var found = (await link.Master.ListSnapshotsAsync(request, cancellationToken: cancel)).Snapshots;
        if (json)
        {
            context.Screen.Json(new SnapshotsDocument([.. found.Select(s => s.ToDocument())]), CliJson.Default.SnapshotsDocument);
            return;
        }
        var listing = new Listing("ID", "SERVICE", "FILE", "AGE", "SIZE", "DATA", "NODE", "KIND", "STATE", "VERIFIED", "DRILLED");
        foreach (var s in found)
        {
            listing.Add(
                (long)s.Id, s.ServiceName, s.Filename, Measures.Ago(s.CreatedAt, context.Clock), Measures.Bytes(s.SizeBytes), Measures.Bytes(s.DataBytes), s.Node,
                s.Manual ? "by hand" : "scheduled", StateOf(s), Measures.Ago(s.VerifiedAt, context.Clock), Measures.Ago(s.DrilledAt, context.Clock));
        }
        context.Screen.Table(listing, service is null ? "no snapshots yet; mcp snapshot create <service>" : $"there is no snapshot of {service}; mcp snapshot create {service}");
        foreach (var s in service is null ? [] : found.Where(s => s.Damage.Length > 0 && !s.Missing))
            context.Screen.Line($"{s.Id} is damaged: {s.Damage}");
        if (found.Any(s => s.Missing))
            context.Reporter.Warning("what is missing is not in the snapshot folder: those are no backups; copy the files there and restart the master, or take new ones");
        foreach (var s in service is null ? [] : found.Where(s => s.Skipped.Count > 0))
        {
            context.Screen.Line($"{s.Id} lacks:");
            foreach (var skipped in s.Skipped.Take(MostNamed))
                context.Screen.Line($"  {PrintableBytes.Line(skipped.Path.Span, 300)} {skipped.Rule}");
            if (s.Skipped.Count > MostNamed)
                context.Screen.Line($"  and {s.Skipped.Count - MostNamed} more (--json names all)");
        }
    }

    private static Cell StateOf(Snapshot s) =>
        s.Missing ? new Cell("missing", Tone.Bad) : s.Damage.Length > 0 ? new Cell("damaged", Tone.Bad) : s.Partial ? new Cell("partial", Tone.Warning) : new Cell("complete", Tone.Good);
}

/// <summary>Whose snapshots: a service, or a reserved name under which the control plane keeps its own state.</summary>
internal static class SnapshotTarget
{
    /// <summary>Reads it as it was typed; what names nothing is for the master to say.</summary>
    /// <exception cref="McpException">InvalidArgument: a component was named.</exception>
    public static string Parse(string text)
    {
        if (text.StartsWith("mcp-", StringComparison.Ordinal))
            return text;
        var target = ServiceTarget.Parse(text);
        return target.Component.Length == 0
            ? target.Service
            : throw new McpException(FaultCode.InvalidArgument, "a snapshot is of a service as a whole") { Hint = $"mcp snapshot create {target.Service}" };
    }
}
