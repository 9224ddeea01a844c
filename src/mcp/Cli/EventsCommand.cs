using System.Text.Json;
using ConsoleAppFramework;
using Grpc.Core;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output.Json;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>What happened: deployments, exits, findings, refusals.</summary>
internal sealed class EventsCommand(CommandContext context)
{
    /// <summary>Shows what happened in the fleet: changes, exits, findings, refusals.</summary>
    /// <param name="follow">-f, go on as events come, until Ctrl-C</param>
    /// <param name="since">only since then: 10m, 2h, 3d, or a time as 2026-04-01T12:00:00Z</param>
    /// <param name="lines">-n, only so many from the end; 0: all</param>
    /// <param name="service">only of this service</param>
    /// <param name="node">only of this node; with --direct the node to ask</param>
    /// <param name="direct">ask the agent, not the master</param>
    /// <param name="json">print JSON, one document a line</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("events")]
    public async Task Events(
        bool follow = false, string? since = null, uint lines = 100, string? service = null, string? node = null, bool direct = false,
        bool json = false, CancellationToken cancel = default)
    {
        var request = new EventsRequest
        {
            Follow = follow,
            Since = since is null ? "" : LogsCommand.SinceTime(since, context.Clock.GetUtcNow()),
            Service = service ?? "",
            Node = direct ? "" : node ?? "",
            Tail = lines,
        };
        using var link = await FleetLink.OpenAsync(context, direct, direct ? node : null, cancel);
        using var stream = link.ToAgent ? link.Agent.Events(request, cancellationToken: cancel) : link.Master.Events(request, cancellationToken: cancel);
        try
        {
            await foreach (var e in stream.ResponseStream.ReadAllAsync(cancel))
            {
                if (json)
                    context.Out.WriteLine(JsonSerializer.Serialize(e.ToDocument(), CliJsonLines.Default.EventDocument));
                else
                    context.Screen.Line(Describe(e));
            }
        }
        catch (OperationCanceledException) when (follow && cancel.IsCancellationRequested)
        {
            // Ctrl-C is how following ends.
        }
    }

    /// <summary>One line: when, how bad, where, what, who.</summary>
    internal static string Describe(FleetEvent e)
    {
        var place = string.Join('/', new[] { e.Node, e.Service, e.Component == e.Service ? "" : e.Component }.Where(p => p.Length > 0));
        return $"{e.At}  {e.Severity,-7}  {place}{(place.Length > 0 ? "  " : "")}{e.Kind}: {e.Message}{(e.Principal.Length > 0 ? $" (by {e.Principal})" : "")}";
    }
}
