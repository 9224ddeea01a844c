using Mcp.Errors;
using Mcp.Master.Registration;
using Mcp.Placement;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>What one node said when it was asked just now, or why it said nothing. A silent node's services are unknown, never absent.</summary>
/// <param name="Node">Whom.</param>
/// <param name="Live">Its containers; null when it was silent.</param>
/// <param name="Problems">What its agent itself finds wrong.</param>
/// <param name="Silence">Why it said nothing, in words; null when it answered.</param>
/// <param name="Unconfirmed">Its services run without this master's word that they are still its own.</param>
internal sealed record NodeAnswer(string Node, LiveCheckResponse? Live, IReadOnlyList<string> Problems, string? Silence, bool Unconfirmed = false);

/// <summary>Asks agents what they see, all at once and never longer than a short limit.</summary>
#pragma warning disable CA1001 // A semaphore whose wait handle nobody asks for holds nothing to dispose of.
internal sealed class FleetObservation(Database database, IAgentEyes eyes, NodeHealthBoard board)
#pragma warning restore CA1001
{
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(5);

    // Nodes asked at the same time, whoever asks: a call in flight costs some 20 kB here, and more of them than this are not faster.
    private readonly SemaphoreSlim _turns = new(256);

    /// <summary>Asks every node, or one.</summary>
    /// <param name="service">Only this one's containers; empty: all.</param>
    /// <param name="node">Only this node; empty: all.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <param name="withHealth">Also what each agent finds wrong with itself, a second call to it at the same time.</param>
    public async Task<IReadOnlyDictionary<string, NodeAnswer>> AskAsync(string service, string node, CancellationToken cancellation, bool withHealth = true)
    {
        var nodes = database.Read(NodeStore.All).Where(n => node.Length == 0 || n.Name == node);
        var answers = await Task.WhenAll(nodes.Select(n => InTurnAsync(n, service, withHealth, cancellation)));
        return answers.ToDictionary(a => a.Node, StringComparer.Ordinal);
    }

    private async Task<NodeAnswer> InTurnAsync(NodeRow node, string service, bool withHealth, CancellationToken cancellation)
    {
        await _turns.WaitAsync(cancellation);
        try
        {
            return await AskAsync(node, service, withHealth, cancellation);
        }
        finally
        {
            _turns.Release();
        }
    }

    private async Task<NodeAnswer> AskAsync(NodeRow node, string service, bool withHealth, CancellationToken cancellation)
    {
        if (node.Address.Length == 0)
            return new NodeAnswer(node.Name, null, [], "it has not joined yet");
        // A node known to be dead would cost the whole limit each time somebody looks.
        if (board.Of(node.Name) is { Health: NodeHealth.Unhealthy, Answers: false } condition)
            return new NodeAnswer(node.Name, null, [], condition.Detail);
        try
        {
            if (!withHealth)
                return new NodeAnswer(node.Name, await LiveAsync(node.Name, service, cancellation), [], null);
            var health = eyes.HealthAsync(node.Name, AskLimit, cancellation);
            var live = LiveAsync(node.Name, service, cancellation);
            // Both are waited for whatever becomes of one, so that no failure stays unread.
            await Task.WhenAll(health, live);
            var said = await health;
            return new NodeAnswer(node.Name, await live, [.. said.Problems], null, said.Unconfirmed);
        }
        catch (McpException e)
        {
            return new NodeAnswer(node.Name, null, [], e.Cause is null ? e.Message : $"{e.Message}: {e.Cause}");
        }
    }

    private async Task<LiveCheckResponse> LiveAsync(string node, string service, CancellationToken cancellation)
    {
        try
        {
            return await eyes.LiveAsync(node, service, AskLimit, cancellation);
        }
        catch (McpException e) when (e.Code == FaultCode.NotFound && service.Length > 0)
        {
            // A node without the service has answered: it has no container of it.
            return new LiveCheckResponse();
        }
    }
}
