using Grpc.Core;
using Grpc.Net.Client;
using Mcp.Agent.Deploying;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Registry;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Podman;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Agent.Snapshots;

/// <summary>Asks a running container to make its data ready: by SnapshotService, or by a command in it. Anything but a plain yes fails the snapshot.</summary>
internal sealed class MethodRun(AgentParts parts)
{
    /// <summary>How long a method may take ([timeouts] snapshot is the master's; this is where the work is).</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    private const int OutputKept = 16 * 1024;

    /// <summary>Runs the plan's method.</summary>
    /// <exception cref="McpException">It failed, took too long, or pointed outside of the service.</exception>
    public async Task RunAsync(RegisteredServiceRow service, SnapshotPlan plan, ContainerDetail container, CancellationToken ct)
    {
        var component = plan.Component!;
        switch (plan.Ask!.Kind)
        {
            case SnapshotMethodKind.Grpc:
                await CallAsync(service, component, container, ct);
                break;
            case SnapshotMethodKind.Cli:
                await ExecAsync(service, component, container, [component.Name, "snapshot"], ct);
                break;
            default:
                await ExecAsync(service, component, container, plan.Ask.Words, ct);
                break;
        }
    }

    private async Task ExecAsync(RegisteredServiceRow service, ComponentSpec component, ContainerDetail container, IReadOnlyList<string> words, CancellationToken ct)
    {
        ExecResult result;
        try
        {
            result = await parts.Podman.ExecAsync(container.Id, words, Limit, ct, OutputKept);
        }
        catch (PodmanException e)
        {
            throw e.ToFault($"the snapshot method of {service.Name} could not be run in {component.Name}");
        }
        if (result is { TimedOut: false, ExitCode: 0 })
            return;
        var said = Printable.Block(result.Text.Trim());
        throw Failed(service, component, result.TimedOut ? FaultCode.DeadlineExceeded : FaultCode.FailedPrecondition,
            $"{Printable.Line(string.Join(' ', words), 200)} {(result.TimedOut ? $"did not end within {Limit.TotalMinutes:0} min" : $"ended with exit code {result.ExitCode}")}: {(said.Length > 0 ? said : "it wrote nothing")}{(result.Cut ? " … (more was cut)" : "")}");
    }

    private async Task CallAsync(RegisteredServiceRow service, ComponentSpec component, ContainerDetail container, CancellationToken ct)
    {
        if (AddressOf(service, component, container) is not { } address)
            throw Failed(service, component, FaultCode.FailedPrecondition, $"{component.Name} has no route that leads to its gRPC server: give it one named grpc");
        using var handler = new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5) };
        using var channel = GrpcChannel.ForAddress($"http://{address}", new GrpcChannelOptions { HttpHandler = handler, MaxReceiveMessageSize = OutputKept });
        SnapshotResponse answer;
        try
        {
            answer = await new SnapshotService.SnapshotServiceClient(channel).SnapshotAsync(new SnapshotRequest(), deadline: DateTime.UtcNow + Limit, cancellationToken: ct);
        }
        catch (RpcException e) when (!ct.IsCancellationRequested)
        {
            throw Failed(service, component, e.StatusCode == StatusCode.DeadlineExceeded ? FaultCode.DeadlineExceeded : FaultCode.FailedPrecondition,
                $"SnapshotService.Snapshot at {address}: {e.StatusCode}: {Printable.Line(e.Status.Detail, 500)}", e);
        }
        if (!answer.Success)
            throw Failed(service, component, FaultCode.FailedPrecondition, $"SnapshotService.Snapshot at {address}: {(answer.Error.Length > 0 ? Printable.Block(answer.Error) : "it said that it failed, and not why")}");
        if (answer.Path.TrimEnd('/') is { Length: > 0 } path && path != $"/srv/{service.Name}" && !ServicePath.TryParse(service.Name, path, out _, out var problem))
            throw Failed(service, component, FaultCode.FailedPrecondition, $"SnapshotService.Snapshot at {address}: the path {Printable.Line(path, 200)} {problem}");
    }

    // A route says no protocol; the name does, or the health check that speaks gRPC already, or there is only one.
    private ContainerAddress? AddressOf(RegisteredServiceRow service, ComponentSpec component, ContainerDetail container)
    {
        var ports = ContainerRevival.PortsOf(parts, service);
        if (component.Routes.FirstOrDefault(r => r.Name == "grpc") is { } named)
            return ContainerAddress.OfRoute(component, named, ports);
        return ContainerAddress.Of(component, component.Health is { Type: "grpc" } health ? (int)health.Port : 0, container, ports);
    }

    private static McpException Failed(RegisteredServiceRow service, ComponentSpec component, FaultCode code, string cause, Exception? inner = null) =>
        new(code, $"the snapshot method of {service.Name} failed in {component.Name}", inner)
        {
            Step = "method",
            Cause = cause,
            Hint = $"mcp logs {service.Name}; mend the service or [snapshot] method; with it stopped, mcp snapshot {service.Name} takes its folder as it lies",
        };
}
