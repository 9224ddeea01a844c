using System.Runtime.CompilerServices;
using Grpc.Core;
using Mcp.V1;

namespace Mcp.Master.Registration;

/// <summary>What the master asks agents in order to know how they are; nothing is changed by it. Tests put simulated nodes behind it.</summary>
internal interface IAgentEyes
{
    /// <summary>Whether the agent is there, and what it finds wrong itself.</summary>
    /// <exception cref="Errors.McpException">No answer within <paramref name="limit"/>, or a refusal.</exception>
    Task<HealthCheckResponse> HealthAsync(string node, TimeSpan limit, CancellationToken cancellation);

    /// <summary>The containers of a service, or of all when it is empty, as they are now.</summary>
    /// <exception cref="Errors.McpException">No answer within <paramref name="limit"/>, or a refusal.</exception>
    Task<LiveCheckResponse> LiveAsync(string node, string service, TimeSpan limit, CancellationToken cancellation);

    /// <summary>What happens there, from where <paramref name="from"/> says on, until the line breaks.</summary>
    /// <exception cref="Errors.McpException">The line broke.</exception>
    IAsyncEnumerable<FleetEvent> EventsAsync(string node, EventsRequest from, CancellationToken cancellation);
}

/// <summary>Asks over the master's links.</summary>
internal sealed class AgentEyes(AgentLinks links) : IAgentEyes
{
    /// <inheritdoc/>
    public async Task<HealthCheckResponse> HealthAsync(string node, TimeSpan limit, CancellationToken cancellation) =>
        await links.To(node).HealthCheckAsync(new HealthCheckRequest(), links.Options(limit, cancellation));

    /// <inheritdoc/>
    public async Task<LiveCheckResponse> LiveAsync(string node, string service, TimeSpan limit, CancellationToken cancellation) =>
        await links.To(node).LiveCheckAsync(new LiveCheckRequest { Service = service }, links.Options(limit, cancellation));

    /// <inheritdoc/>
    public async IAsyncEnumerable<FleetEvent> EventsAsync(string node, EventsRequest from, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var call = links.To(node).Events(from, links.Options(null, cancellation));
        await foreach (var happened in call.ResponseStream.ReadAllAsync(cancellation))
            yield return happened;
    }
}
