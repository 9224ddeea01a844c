using Grpc.Core;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Simulation;

/// <summary>
/// What simulated agents answer the master: each as the node whose certificate the connection was made with. Answers are as large as a real
/// agent's, made anew each time; nothing is behind them.
/// </summary>
internal sealed class SimulatedAgentService(SeededFleet fleet) : McpAgentService.McpAgentServiceBase
{
    private const string Started = "2026-01-01T00:00:00Z";

    /// <inheritdoc/>
    public override Task<HealthCheckResponse> HealthCheck(HealthCheckRequest request, ServerCallContext context) =>
        Task.FromResult(new HealthCheckResponse { Status = "healthy", Containers = (uint)fleet.ServicesOf(NodeOf(context)).Count });

    /// <inheritdoc/>
    public override Task<LiveCheckResponse> LiveCheck(LiveCheckRequest request, ServerCallContext context)
    {
        var response = new LiveCheckResponse();
        foreach (var spec in fleet.ServicesOf(NodeOf(context)).Where(s => request.Service.Length == 0 || s.Name == request.Service))
            response.Containers.AddRange(spec.Components.Select(c => Container(spec, c)));
        if (request.Service.Length > 0 && response.Containers.Count == 0)
            throw new McpException(FaultCode.NotFound, $"{request.Service} is not here");
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override Task<NodeStatusResponse> NodeStatus(NodeStatusRequest request, ServerCallContext context) =>
        Task.FromResult(new NodeStatusResponse { Name = NodeOf(context), Role = "worker" });

    /// <inheritdoc/>
    public override Task<GetOperationResponse> GetOperation(GetOperationRequest request, ServerCallContext context) => Task.FromResult(new GetOperationResponse());

    /// <summary>The master's line: open and quiet, as that of a node on which nothing happens.</summary>
    public override async Task Events(EventsRequest request, IServerStreamWriter<FleetEvent> responseStream, ServerCallContext context) =>
        await Task.Delay(Timeout.Infinite, context.CancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private static string NodeOf(ServerCallContext context) =>
        context.GetHttpContext().Features.Get<SimulatedNode>()?.Name ?? throw new InvalidOperationException("The connection is nobody's.");

    private static ContainerStatus Container(ServiceSpec spec, ComponentSpec component) => new()
    {
        Service = spec.Name,
        Component = component.Name,
        Id = SimulatedImage.Id,
        Name = spec.Name == component.Name ? spec.Name : $"{spec.Name}-{component.Name}",
        Image = component.Image,
        ImageDigest = SimulatedImage.Digest,
        State = "running",
        Started = Started,
        Generation = 1,
        SpecHash = SpecHash.OfComponent(spec, component),
        ConmonAlive = true,
        Network = $"mcp-{spec.Name}",
    };
}

/// <summary>Which node a connection was made with.</summary>
internal sealed record SimulatedNode(string Name);
