using Mcp.Errors;
using Mcp.Master.Registration;
using Mcp.Placement;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Reading;

/// <summary>What one node said when it was asked, or why it said nothing. A silent node's services are unknown, never absent.</summary>
/// <param name="Node">Whom.</param>
/// <param name="Live">Its containers; null when it was silent.</param>
/// <param name="Problems">What its agent itself finds wrong.</param>
/// <param name="Silence">Why it said nothing, in words; null when it answered.</param>
/// <param name="Unconfirmed">Its services run without this master's word that they are still its own.</param>
internal sealed record NodeAnswer(string Node, LiveCheckResponse? Live, IReadOnlyList<string> Problems, string? Silence, bool Unconfirmed = false)
{
    private static readonly IReadOnlyList<ContainerStatus> None = [];

    private readonly Dictionary<string, List<ContainerStatus>> _containers = ByService(Live);

    /// <summary>When it was asked; RFC 3339.</summary>
    public string At { get; init; } = "";

    /// <summary>The containers of a service there.</summary>
    public IReadOnlyList<ContainerStatus> Of(string service) => _containers.TryGetValue(service, out var there) ? there : None;

    /// <summary>This answer, made of the objects of an earlier one that says the same of the containers: what is kept for long then stays where it is in memory.</summary>
    public NodeAnswer MadeOf(NodeAnswer? before) => before?.Live is { } live && live.Equals(Live) ? before with { Problems = Problems, Silence = Silence, Unconfirmed = Unconfirmed, At = At } : this;

    // A status looks each of ten thousand services up.
    private static Dictionary<string, List<ContainerStatus>> ByService(LiveCheckResponse? live)
    {
        var services = new Dictionary<string, List<ContainerStatus>>(StringComparer.Ordinal);
        foreach (var container in live?.Containers ?? [])
        {
            if (!services.TryGetValue(container.Service, out var there))
                services.Add(container.Service, there = new List<ContainerStatus>(1));
            there.Add(container);
        }
        return services;
    }
}

/// <summary>
/// What agents see. Where something is decided by it, every node is asked, all at once and never longer than a short limit. Where people look, the
/// nodes that moved, and those that were not asked for the longest, are asked; the others are as they said within the last half minute
/// (<see cref="KeptAnswers"/>), since a thousand nodes cannot all be asked within the time that a look may take. A small fleet is asked whole.
/// </summary>
#pragma warning disable CA1001 // A semaphore whose wait handle nobody asks for holds nothing to dispose of.
internal sealed class FleetObservation(Database database, IAgentEyes eyes, NodeHealthBoard board, KeptAnswers kept, TimeProvider clock)
#pragma warning restore CA1001
{
    /// <summary>How many nodes a look asks anew whatever they said before.</summary>
    public const int AskedAlways = 32;

    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(5);

    // In the background, so that no look finds more to ask than it asks anyway. What is left until an answer ends spreads the asking, which after a
    // look at all nodes would come due in one second.
    private static readonly TimeSpan Refreshed = TimeSpan.FromSeconds(20);

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

    /// <summary>How every node is, as <see cref="FleetObservation"/> says.</summary>
    /// <param name="anew">Nodes to ask whatever they said before.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<IReadOnlyDictionary<string, NodeAnswer>> LookAsync(IReadOnlySet<string> anew, CancellationToken cancellation)
    {
        var nodes = database.Read(NodeStore.All);
        var holding = nodes.Where(n => !anew.Contains(n.Name) && IsWell(n.Name)).Select(n => (Node: n, Kept: kept.Find(n.Name))).Where(h => h.Kept is not null).ToList();
        var old = AskedAlways - (nodes.Count - holding.Count);
        if (old > 0)
            holding = [.. holding.OrderByDescending(h => h.Kept!.Value.Age).Skip(old)];
        var answers = holding.ToDictionary(h => h.Node.Name, h => h.Kept!.Value.Answer, StringComparer.Ordinal);
        foreach (var answer in await Task.WhenAll(nodes.Where(n => !answers.ContainsKey(n.Name)).Select(n => InTurnAsync(n, "", withHealth: true, cancellation))))
            answers.Add(answer.Node, answer);
        return answers;
    }

    /// <summary>In a fleet that is too large to be asked whole: asks the nodes whose answers end soon, until the process ends.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), clock);
        while (await timer.WaitForNextTickAsync(cancellation))
            await RefreshAsync(cancellation);
    }

    private async Task RefreshAsync(CancellationToken cancellation)
    {
        try
        {
            var nodes = database.Read(NodeStore.All);
            if (nodes.Count <= AskedAlways)
                return;
            var most = (int)(nodes.Count / (KeptAnswers.Longest - Refreshed).TotalSeconds) + 1;
            var due = nodes.Where(n => IsWell(n.Name) && kept.CanKeep(n.Name)).Select(n => (Node: n, Age: kept.Find(n.Name)?.Age ?? KeptAnswers.Longest))
                .Where(d => d.Age > Refreshed).OrderByDescending(d => d.Age).Take(most);
            await Task.WhenAll(due.Select(d => InTurnAsync(d.Node, "", withHealth: true, cancellation)));
        }
        catch (McpException)
        {
            // The database could not be read: whoever looks meets the same, and is told.
        }
    }

    private bool IsWell(string node) => board.Of(node).Health == NodeHealth.Healthy;

    private async Task<NodeAnswer> InTurnAsync(NodeRow node, string service, bool withHealth, CancellationToken cancellation)
    {
        await _turns.WaitAsync(cancellation);
        try
        {
            var moves = kept.MovesOf(node.Name);
            var answer = await AskAsync(node, service, withHealth, cancellation) with { At = Timestamp.Now(clock) };
            if (withHealth && service.Length == 0)
                kept.Keep(answer, moves);
            return answer;
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
