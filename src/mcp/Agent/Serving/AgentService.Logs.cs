using System.Globalization;
using System.Threading.Channels;
using Google.Protobuf;
using Grpc.Core;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Podman;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Agent.Serving;

/// <summary>Logs: what a container wrote, byte for byte. A container that is gone and a podman that refuses are errors, never an empty log.</summary>
internal sealed partial class AgentService
{
    // Bounded: a reader that is slower than the container makes podman wait, not this process grow.
    private const int Ahead = 256;

    /// <inheritdoc/>
    public override async Task Logs(LogsRequest request, IServerStreamWriter<LogChunk> responseStream, ServerCallContext context)
    {
        Obey(context);
        var service = Require(request.Service);
        var components = service.Components.Where(c => request.Component.Length == 0 || c.Name == request.Component).ToList();
        if (components.Count == 0)
            throw new McpException(FaultCode.NotFound, $"{service.Name} has no component {Printable.Line(request.Component, 80)}") { Hint = $"mcp service show {service.Name}" };
        var query = new LogQuery { Follow = request.Follow, Since = SinceOf(request.Since), Tail = request.Tail > 0 ? (int)Math.Min(request.Tail, int.MaxValue) : null };
        foreach (var component in components)
            await RequireContainerAsync(service, component, context.CancellationToken);

        var lines = Channel.CreateBounded<LogChunk>(new BoundedChannelOptions(Ahead) { SingleReader = true });
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        var reading = ReadAllAsync(components, query, request, lines.Writer, end.Token);
        try
        {
            await foreach (var line in lines.Reader.ReadAllAsync(context.CancellationToken))
                await responseStream.WriteAsync(line, context.CancellationToken);
        }
        finally
        {
            await end.CancelAsync();
            await reading;
        }
    }

    // Without following, one component after another, so that each is readable; with it, whoever speaks.
    private async Task ReadAllAsync(
        IReadOnlyList<RegisteredComponentRow> components, LogQuery query, LogsRequest request, ChannelWriter<LogChunk> lines, CancellationToken ct)
    {
        Exception? failure = null;
        try
        {
            if (query.Follow)
            {
                await Task.WhenAll(components.Select(c => ReadAsync(c, query, request, lines, ct)));
            }
            else
            {
                foreach (var component in components)
                    await ReadAsync(component, query, request, lines, ct);
            }
        }
        catch (PodmanException e)
        {
            failure = e.ToFault($"the log of {request.Service} could not be read");
        }
        catch (OperationCanceledException)
        {
            // The caller has seen enough.
        }
        lines.TryComplete(failure);
    }

    private async Task ReadAsync(RegisteredComponentRow component, LogQuery query, LogsRequest request, ChannelWriter<LogChunk> lines, CancellationToken ct)
    {
        await foreach (var line in parts.Podman.LogsAsync(component.ContainerId, query, ct))
        {
            await lines.WriteAsync(new LogChunk
            {
                Component = component.Name,
                Stream = line.IsError ? "stderr" : "stdout",
                Line = ByteString.CopyFrom(line.Bytes.Span),
                At = request.Timestamps ? line.Time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture) ?? "" : "",
            }, ct);
        }
    }

    private async Task RequireContainerAsync(RegisteredServiceRow service, RegisteredComponentRow component, CancellationToken ct)
    {
        try
        {
            if (await parts.Containers.FindAsync(component.ContainerId, service.Name, component.Name, ct) is null)
            {
                throw new McpException(FaultCode.NotFound, $"{component.ContainerName} has no container on {parts.Node}, so there is no log")
                {
                    Cause = "it was removed behind the agent's back",
                    Hint = $"mcp start {service.Name}",
                };
            }
        }
        catch (PodmanException e)
        {
            throw e.ToFault($"the log of {component.ContainerName} could not be read");
        }
    }

    private static DateTimeOffset? SinceOf(string text) => text.Length == 0 ? null
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var since) ? since
        : throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(text, 80)}' is not a time") { Hint = "RFC 3339, as 2026-04-01T12:00:00Z" };
}
