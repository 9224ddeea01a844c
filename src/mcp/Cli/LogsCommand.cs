using System.Globalization;
using System.Text;
using ConsoleAppFramework;
using Grpc.Core;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output.Json;
using Mcp.Errors;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>What a service wrote to its standard output and standard error.</summary>
internal sealed class LogsCommand(CommandContext context)
{
    /// <summary>Prints what a service wrote; lines of standard error go to standard error.</summary>
    /// <param name="service">service[/component]: whose lines</param>
    /// <param name="follow">-f, go on as lines come, until Ctrl-C</param>
    /// <param name="lines">-n, only so many lines from the end; 0: all</param>
    /// <param name="since">only lines since then: 10m, 2h, 3d, or a time as 2026-04-01T12:00:00Z</param>
    /// <param name="timestamps">-t, put the time before each line</param>
    /// <param name="direct">ask the agent, not the master</param>
    /// <param name="node">the node to ask (default: the one that has the service)</param>
    /// <param name="json">print JSON, one document a line</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("logs")]
    public async Task Logs(
        [Argument] string service, bool follow = false, uint lines = 0, string? since = null, bool timestamps = false, bool direct = false,
        string? node = null, bool json = false, CancellationToken cancel = default)
    {
        var target = ServiceTarget.Parse(service);
        var request = new LogsRequest
        {
            Service = target.Service,
            Component = target.Component,
            Follow = follow,
            Tail = lines,
            Since = since is null ? "" : SinceTime(since, context.Clock.GetUtcNow()),
            Timestamps = timestamps || json,
            Node = direct ? "" : node ?? "",
        };
        using var reader = await FleetReader.OpenAsync(context, direct, direct ? node : null, cancel);
        using var stream = reader.Master is { } master
            ? master.Master.Logs(request, cancellationToken: cancel)
            : (await reader.AgentOfAsync(target.Service, cancel)).Logs(request, cancellationToken: cancel);
        try
        {
            var severalComponents = target.Component.Length == 0;
            await foreach (var chunk in stream.ResponseStream.ReadAllAsync(cancel))
                Print(chunk, timestamps, json, severalComponents && chunk.Component != target.Service);
        }
        catch (OperationCanceledException) when (follow && cancel.IsCancellationRequested)
        {
            // Ctrl-C is how following ends.
        }
    }

    private void Print(LogChunk chunk, bool timestamps, bool json, bool nameIt)
    {
        var text = Encoding.UTF8.GetString(chunk.Line.Span);
        if (json)
        {
            context.Out.WriteLine(System.Text.Json.JsonSerializer.Serialize(
                new LogLineDocument(chunk.Component, chunk.Stream, chunk.At, text), CliJsonLines.Default.LogLineDocument));
            return;
        }
        var toError = chunk.Stream == "stderr";
        var output = toError ? context.Error : context.Out;
        // A container wrote this. On a terminal its escape codes would be ours; a file or a pipe gets what was written.
        var line = (toError ? context.ErrorIsTerminal : context.OutIsTerminal) ? Printable.Line(text, maxLength: 64 * 1024) : text;
        output.WriteLine($"{(timestamps ? $"{Printable.Line(chunk.At, 40)} " : "")}{(nameIt ? $"{Printable.Line(chunk.Component, 80)} | " : "")}{line}");
    }

    /// <summary>A span back from now, or a time, as RFC 3339 in UTC.</summary>
    internal static string SinceTime(string text, DateTimeOffset now)
    {
        if (text.Length > 1 && long.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count < 1_000_000)
        {
            TimeSpan? span = text[^1] switch
            {
                's' => TimeSpan.FromSeconds(count),
                'm' => TimeSpan.FromMinutes(count),
                'h' => TimeSpan.FromHours(count),
                'd' => TimeSpan.FromDays(Math.Min(count, 36500)),
                _ => null,
            };
            if (span is { } back)
                return Format(now - back);
        }
        return Output.Measures.TryParse(text, out var at)
            ? Format(at)
            : throw new McpException(FaultCode.InvalidArgument, $"--since '{text}' is neither a span (30s, 10m, 2h, 3d) nor a time (2026-04-01T12:00:00Z)");
    }

    private static string Format(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
}
