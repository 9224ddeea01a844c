using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Snapshots on their way back: into the service, into a directory here, or as the file.</summary>
internal sealed class SnapshotRestoreCommand(CommandContext context)
{
    /// <summary>Puts a service back on the data of a snapshot; the data of now is set aside. With --to: only unpacks it here.</summary>
    /// <param name="service">service: whose data</param>
    /// <param name="at">the newest one taken at this time or before, as 2026-04-01T00:00:00Z</param>
    /// <param name="id">number or file name, as in mcp snapshot list (default: the newest complete one)</param>
    /// <param name="to">a new directory on this machine; the service is not touched</param>
    /// <param name="acceptPartial">although files are missing in it: it is laid over the data that is there</param>
    /// <param name="yes">-y, do not ask; needed where there is no terminal</param>
    /// <param name="cancel">Ctrl-C lets go; a restore into the service runs on to success or put-back.</param>
    [Command("restore")]
    public async Task Restore(
        [Argument] string service, string? at = null, string? id = null, string? to = null, bool acceptPartial = false, bool yes = false, CancellationToken cancel = default)
    {
        var name = ServiceTarget.Parse(service).Service;
        if (at is not null && id is not null)
            throw new McpException(FaultCode.InvalidArgument, "a snapshot is chosen by its id or by a time, not by both");
        using var link = await FleetLink.OpenAsync(context, cancel);
        if (to is not null)
        {
            await UnpackAsync(link, new DownloadSnapshotRequest { ServiceName = name, At = at ?? "", Id = id ?? "" }, to, acceptPartial, cancel);
            return;
        }
        // The very one that was shown and agreed to, although another may be taken meanwhile.
        var choice = new ListSnapshotsRequest { ServiceName = name, Chosen = true, At = at ?? "", Id = id ?? "" };
        if ((await link.Master.ListSnapshotsAsync(choice, cancellationToken: cancel)).Snapshots is not [var chosen])
            throw new McpException(FaultCode.Unimplemented, "the master is older than this mcp and does not say which snapshot it would take") { State = "nothing was done", Hint = "use the mcp of the master's version: mcp status shows it" };
        if (chosen.Partial && !acceptPartial)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"snapshot {chosen.Id} of {name} is partial: {chosen.Skipped.Count} entr{(chosen.Skipped.Count == 1 ? "y is" : "ies are")} not in it")
            {
                State = "nothing was done",
                Hint = $"what it lacks: mcp snapshot list {name}; to lay it over the data that is there: mcp snapshot restore {name} --id {chosen.Id} --accept-partial",
            };
        }
        var which = $"snapshot {chosen.Id} of {chosen.CreatedAt} ({Measures.Ago(chosen.CreatedAt, context.Clock)}, {Measures.Bytes(chosen.DataBytes)}{(chosen.Partial ? ", PARTIAL" : "")}{(chosen.Missing ? ", MISSING" : chosen.Damage.Length > 0 ? ", DAMAGED" : "")})";
        Confirmation.Require(
            context, $"restore {name} from {which}? The service stops; its data of now is set aside, and what was written since is not in it.", link.Fleet, yes,
            $"mcp snapshot restore {name} --id {chosen.Id}{(acceptPartial ? " --accept-partial" : "")}");
        var request = new RestoreSnapshotRequest { ServiceName = name, Id = $"{chosen.Id}", AcceptPartial = acceptPartial };
        var run = new OperationRun(context, link, $"restore of {name}", limit: SnapshotCommand.MovingLimit);
        var answer = await run.CallAsync(o => link.Master.RestoreSnapshotAsync(request, o), cancel);
        context.Screen.Line($"{name} is restored from {answer.Filename} on {answer.Node} ({Measures.Bytes(answer.Bytes)})");
        if (answer.Steps.FirstOrDefault(s => s.Step == "stop") is { Skipped: false })
            context.Screen.Line($"  interrupted for {Measures.Span(TimeSpan.FromMilliseconds(answer.Steps.SkipWhile(s => s.Step != "stop").Sum(s => s.Millis)))}");
        if (answer.Aside.Length > 0)
            context.Screen.Line($"  the data of before lies in {answer.Aside} on {answer.Node}; when nobody needs it: mcp data purge {name} --on {answer.Node} --state aside");
    }

    /// <summary>Fetches a snapshot as the file that it is, whole or not at all.</summary>
    /// <param name="service">service: whose data</param>
    /// <param name="file">file: what it is called here, or the directory to put it in (default: SERVICE-TIME.tar.zst, here)</param>
    /// <param name="at">the newest one taken at this time or before</param>
    /// <param name="id">number or file name, as in mcp snapshot list (default: the newest complete one)</param>
    /// <param name="cancel">Ctrl-C: nothing is written.</param>
    [Command("download")]
    public async Task Download([Argument] string service, [Argument] string? file = null, string? at = null, string? id = null, CancellationToken cancel = default)
    {
        var name = SnapshotTarget.Parse(service);
        using var link = await FleetLink.OpenAsync(context, cancel);
        var request = new DownloadSnapshotRequest { ServiceName = name, At = at ?? "", Id = id ?? "" };
        var (local, snapshot) = await new SnapshotDownload(context, link).ToFileAsync(request, s => Local(file, s), cancel);
        context.Screen.Line($"{local} ({Measures.Bytes(snapshot.SizeBytes)}{(snapshot.Partial ? ", partial" : "")})");
        // Without "./" tar takes what is before the colon for a host.
        var shown = local.Contains('/') ? local : $"./{local}";
        context.Screen.Line($"  to unpack it: mkdir {name}; tar --zstd -xpf {shown} -C {name}");
    }

    private async Task UnpackAsync(FleetLink link, DownloadSnapshotRequest request, string to, bool acceptPartial, CancellationToken cancel)
    {
        var (snapshot, leftOut) = await new SnapshotDownload(context, link).ToFolderAsync(request, to, acceptPartial, cancel);
        context.Screen.Line($"{request.ServiceName} as of {snapshot.CreatedAt} is in {to} ({Measures.Entries(snapshot.Entries)}, {Measures.Bytes(snapshot.DataBytes)})");
        foreach (var note in leftOut)
            context.Reporter.Warning(note);
    }

    private static string Local(string? wanted, Snapshot snapshot)
    {
        var own = $"{snapshot.ServiceName}-{snapshot.Filename}";
        return wanted is null or "" ? own : Directory.Exists(wanted) ? Path.Combine(wanted, own) : wanted;
    }
}
