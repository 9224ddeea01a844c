using System.Text.Json;
using ConsoleAppFramework;
using Grpc.Core;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output.Json;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>
/// What happened: deployments, exits, findings, refusals. Following goes on through a restart of the master, after the last event that was printed: what
/// happened meanwhile is printed, too.
/// </summary>
internal sealed class EventsCommand(CommandContext context)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1), LongestPause = TimeSpan.FromSeconds(10);

    /// <summary>Shows what happened in the fleet: changes, exits, findings, refusals.</summary>
    /// <param name="follow">-f, go on as events come, until Ctrl-C; a master or agent that restarts is waited for</param>
    /// <param name="since">only since then: 10m, 2h, 3d, or a time as 2026-04-01T12:00:00Z</param>
    /// <param name="lines">-n, only so many from the end; 0: all</param>
    /// <param name="service">only of this service</param>
    /// <param name="node">only of this node</param>
    /// <param name="audit">who called what, and what was refused, instead of what happened</param>
    /// <param name="direct">ask the agent, not the master</param>
    /// <param name="json">print JSON, one document a line</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("events")]
    public async Task Events(
        bool follow = false, string? since = null, uint lines = 100, string? service = null, string? node = null, bool audit = false, bool direct = false,
        bool json = false, CancellationToken cancel = default)
    {
        var request = new EventsRequest
        {
            Since = since is null ? "" : LogsCommand.SinceTime(since, context.Clock.GetUtcNow()),
            Service = service ?? "",
            Node = direct ? "" : node ?? "",
            Tail = lines,
            Audit = audit,
        };
        using var reader = await FleetReader.OpenAsync(context, direct, direct ? node : null, cancel);
        try
        {
            // What there is comes first, and a fleet that cannot be reached is said at once; only then it is worth waiting for.
            if (reader.Links is [var only])
            {
                await ReadAsync(only, request, json, cancel);
                if (follow)
                    await FollowAsync(only, request, json, cancel);
            }
            else if (follow)
            {
                await Task.WhenAll(reader.Links.Select(l => JoinAsync(l, request.Clone(), json, cancel)));
            }
            else
            {
                await PrintMergedAsync(reader, request, json, cancel);
            }
        }
        catch (OperationCanceledException) when (follow && cancel.IsCancellationRequested)
        {
            // Ctrl-C is how following ends.
        }
        reader.WarnOfSilent();
    }

    // One of several nodes: one that is away is waited for while the others go on.
    private async Task JoinAsync(FleetLink link, EventsRequest request, bool json, CancellationToken cancel)
    {
        try
        {
            await ReadAsync(link, request, json, cancel);
        }
        catch (McpException e)
        {
            context.Reporter.Warning($"node {link.NodeName}: {e.Message}");
        }
        await FollowAsync(link, request, json, cancel);
    }

    // Every node's events in the order of time, which is as good as their clocks.
    private async Task PrintMergedAsync(FleetReader reader, EventsRequest request, bool json, CancellationToken cancel)
    {
        var all = await reader.AskAsync(
            async (agent, ct) =>
            {
                var events = new List<FleetEvent>();
                using var stream = agent.Events(request, cancellationToken: ct);
                await foreach (var e in stream.ResponseStream.ReadAllAsync(ct))
                    events.Add(e);
                return events;
            },
            cancel);
        var sorted = all.SelectMany(a => a).OrderBy(e => e.At, StringComparer.Ordinal).ToList();
        foreach (var e in request.Tail > 0 ? sorted.TakeLast((int)Math.Min(request.Tail, int.MaxValue)) : sorted)
            Print(e, json);
    }

    private readonly Lock _line = new();

    private void Print(FleetEvent e, bool json)
    {
        lock (_line)
        {
            if (json)
                context.Out.WriteLine(JsonSerializer.Serialize(e.ToDocument(), CliJsonLines.Default.EventDocument));
            else
                context.Screen.Line(Describe(e));
        }
    }

    /// <summary>One line: when, how bad, where, what, who.</summary>
    internal static string Describe(FleetEvent e)
    {
        var place = string.Join('/', new[] { e.Node, e.Service, e.Component == e.Service ? "" : e.Component }.Where(p => p.Length > 0));
        return $"{e.At}  {e.Severity,-7}  {place}{(place.Length > 0 ? "  " : "")}{e.Kind}: {e.Message}{(e.Principal.Length > 0 ? $" (by {e.Principal})" : "")}";
    }

    private async Task FollowAsync(FleetLink link, EventsRequest request, bool json, CancellationToken cancel)
    {
        request.Follow = true;
        var pause = FirstPause;
        while (true)
        {
            try
            {
                if (await ReadAsync(link, request, json, cancel) > 0)
                    pause = FirstPause;
                context.Reporter.Note("the other side ended; going on when it is back (Ctrl-C ends)");
            }
            catch (McpException e) when (e.Code is FaultCode.Unavailable or FaultCode.DeadlineExceeded)
            {
                if (pause == FirstPause)
                    context.Reporter.Note($"{e.Message}; going on when it is back (Ctrl-C ends)");
            }
            await Task.Delay(pause, context.Clock, cancel);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <returns>How many were printed; the request goes on after the last of them.</returns>
    private async Task<int> ReadAsync(FleetLink link, EventsRequest request, bool json, CancellationToken cancel)
    {
        using var stream = link.ToAgent ? link.Agent.Events(request, cancellationToken: cancel) : link.Master.Events(request, cancellationToken: cancel);
        var printed = 0;
        await foreach (var e in stream.ResponseStream.ReadAllAsync(cancel))
        {
            Print(e, json);
            printed++;
            // By their time an earlier one may come later; the highest id is what was seen.
            if (e.Id > request.After || request.Follow)
                (request.After, request.AfterAt) = (e.Id, e.At);
        }
        return printed;
    }
}
