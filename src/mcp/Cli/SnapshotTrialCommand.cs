using ConsoleAppFramework;
using Google.Protobuf.Collections;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Whether snapshots would restore: read to the last byte, or really restored somewhere and thrown away.</summary>
internal sealed class SnapshotTrialCommand(CommandContext context)
{
    /// <summary>Reads every byte of a snapshot, its digests, its tar and each of its databases; exits 1 when one is bad.</summary>
    /// <param name="service">service: whose (with --all: of all when left out)</param>
    /// <param name="id">number or file name, as in mcp snapshot list (default: the newest complete one)</param>
    /// <param name="all">every snapshot</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C lets go.</param>
    [Command("verify")]
    public async Task<int> Verify([Argument] string? service = null, string? id = null, bool all = false, bool json = false, CancellationToken cancel = default)
    {
        if (service is null && !all)
            throw new McpException(FaultCode.InvalidArgument, "mcp snapshot verify needs <service>, or --all") { Hint = "mcp snapshot list" };
        using var link = await FleetLink.OpenAsync(context, cancel);
        var request = new VerifySnapshotRequest { ServiceName = service is null ? "" : SnapshotTarget.Parse(service), Id = id ?? "", All = all };
        var run = new OperationRun(context, link, "verification", limit: SnapshotCommand.MovingLimit);
        var verdicts = (await run.CallAsync(o => link.Master.VerifySnapshotAsync(request, o), cancel)).Verdicts;
        if (json)
        {
            context.Screen.Json(
                new VerdictsDocument([.. verdicts.Select(v => new VerdictDocument(v.Id, v.ServiceName, v.Filename, v.Good, v.Error, v.Entries, v.DataBytes, [.. v.Databases], [.. v.NotChecked]))]),
                CliJson.Default.VerdictsDocument);
        }
        else
        {
            Print(verdicts);
        }
        return verdicts.All(v => v.Good) ? ExitCode.Done : ExitCode.Error;
    }

    /// <summary>Restores the newest complete snapshot on a worker into a scratch directory, starts the service from it on a network of its own, waits until it is healthy and throws it away.</summary>
    /// <param name="service">service: whose snapshot; the service itself is not touched</param>
    /// <param name="node">-n, where (default: the service's own node, which has its images)</param>
    /// <param name="cancel">Ctrl-C lets go; the drill runs on.</param>
    [Command("drill")]
    public async Task<int> Drill([Argument] string service, string? node = null, CancellationToken cancel = default)
    {
        var name = ServiceTarget.Parse(service).Service;
        using var link = await FleetLink.OpenAsync(context, cancel);
        var run = new OperationRun(context, link, $"drill of {name}", limit: SnapshotCommand.MovingLimit);
        var answer = await run.CallAsync(o => link.Master.DrillAsync(new DrillRequest { ServiceName = name, Node = node ?? "" }, o), cancel);
        if (answer.Success)
        {
            // The node's own steps stand behind it, and are part of it.
            var took = answer.Steps.Take(answer.Steps.ToList().FindIndex(s => s.Step == "drill") + 1).Sum(s => s.Millis);
            context.Screen.Line($"{answer.Filename} of {name} restores: healthy on {answer.Node} after {Measures.Span(TimeSpan.FromMilliseconds(took))}, and thrown away");
            return ExitCode.Done;
        }
        var failed = answer.Steps.FirstOrDefault(s => !s.Success && !s.Skipped);
        context.Reporter.Error(new McpException(FaultCode.Aborted, $"the drill of {answer.Filename} of {name} failed: {answer.Error}")
        {
            Node = answer.Node,
            Step = failed?.Step,
            State = $"{name} itself was not touched",
            Hint = $"mcp snapshot verify {name}; mcp events --service {name}",
        });
        return ExitCode.Error;
    }

    private void Print(RepeatedField<SnapshotVerdict> verdicts)
    {
        if (verdicts.Count == 0)
            context.Reporter.Note("no snapshots yet; mcp snapshot create <service>");
        foreach (var v in verdicts)
        {
            context.Screen.Line(
                v.Good ? $"good {v.Id} {v.ServiceName} {v.Filename}: {Measures.Entries(v.Entries)}, {Measures.Bytes(v.DataBytes)}" : $"BAD {v.Id} {v.ServiceName} {v.Filename}: {v.Error}", v.Good ? Tone.Good : Tone.Bad);
            foreach (var name in v.Databases)
                context.Screen.Line($"  database {name} passes integrity_check");
            foreach (var name in v.NotChecked)
                context.Screen.Line($"  database {name}");
        }
        if (verdicts.Count > 1)
            context.Screen.Line($"{verdicts.Count(v => v.Good)} of {verdicts.Count} are good");
    }
}
