using Mcp.Placement;

namespace Mcp.Master.Registration;

/// <summary>What the master believes of one node's health, and why.</summary>
/// <param name="Health">Healthy, unhealthy, or not established since this master started.</param>
/// <param name="Detail">Which direction is broken, in words; empty while healthy.</param>
/// <param name="Since">When this belief began.</param>
/// <param name="LastHeartbeat">The last one this master got; null: none in its life.</param>
/// <param name="Registered">Whether the agent registered in this master's life.</param>
/// <param name="Answers">Whether it answered the last HealthCheck.</param>
internal sealed record NodeCondition(NodeHealth Health, string Detail, DateTimeOffset Since, DateTimeOffset? LastHeartbeat, bool Registered, bool Answers);

/// <summary>
/// The health of every node, in memory. A node is healthy when both directions work: its heartbeats arrive and it answers HealthCheck.
/// <code>
/// Unknown ──check answered──────────────→ Healthy   (warm-up, and the first heartbeat)
/// Healthy ──90 s without a heartbeat────→ Unhealthy (a check says which direction is broken)
/// Healthy ──line broke, check failed────→ Unhealthy
/// Unhealthy ──heartbeat, then check answered→ Healthy
/// </code>
/// </summary>
internal sealed class NodeHealthBoard(TimeProvider clock)
{
    /// <summary>Three heartbeats of 30 s.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(90);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, NodeCondition> _nodes = new(StringComparer.Ordinal);

    /// <summary>Told of every change: node, from, to. Called outside of any lock.</summary>
    public event Action<string, NodeCondition, NodeCondition>? Changed;

    /// <summary>What is believed of a node; unknown for one never heard of.</summary>
    public NodeCondition Of(string node)
    {
        lock (_gate)
            return _nodes.GetValueOrDefault(node) ?? Nothing();
    }

    /// <summary>A heartbeat arrived. Whether the node was away, so that it must register again and be checked.</summary>
    public bool Heard(string node)
    {
        var now = clock.GetUtcNow();
        var away = false;
        Change(node, c =>
        {
            away = c.Health != NodeHealth.Healthy || !c.Registered;
            return c with { LastHeartbeat = now };
        });
        return away;
    }

    /// <summary>An accepted Register arrived, which counts as a heartbeat.</summary>
    public void Registered(string node) => Change(node, c => c with { Registered = true, LastHeartbeat = clock.GetUtcNow() });

    /// <summary>The node answered a HealthCheck. Enough when nothing was known of it; an unhealthy one needs a heartbeat, too.</summary>
    public void Answered(string node) => Change(node, c => c.Health switch
    {
        NodeHealth.Unknown => Healthy(c),
        NodeHealth.Unhealthy when IsHeard(c) => Healthy(c),
        NodeHealth.Unhealthy => c with { Answers = true, Detail = "answers the master, but its heartbeats do not arrive (agent → master is broken)" },
        _ => c with { Answers = true },
    });

    /// <summary>The node did not answer a HealthCheck.</summary>
    public void Failed(string node, string cause) => Change(node, c => Unhealthy(c, IsHeard(c)
        ? $"sends heartbeats, but does not answer the master (master → agent is broken): {cause}"
        : $"does not answer, and no heartbeat arrives: {cause}") with
    { Answers = false });

    /// <summary>No heartbeat for too long, although it answers HealthCheck.</summary>
    public void Silent(string node) => Change(node, c => Unhealthy(c, "answers the master, but its heartbeats do not arrive (agent → master is broken)"));

    /// <summary>Whether the heartbeats of the node are overdue.</summary>
    public bool IsOverdue(string node)
    {
        lock (_gate)
            return _nodes.GetValueOrDefault(node) is { } c && c.Health == NodeHealth.Healthy && clock.GetUtcNow() - (c.LastHeartbeat ?? c.Since) > Silence;
    }

    /// <summary>Whether the node was heard not long ago.</summary>
    public bool IsLive(string node)
    {
        lock (_gate)
            return _nodes.GetValueOrDefault(node) is { } c && IsHeard(c);
    }

    /// <summary>Forgets a node that was removed.</summary>
    public void Forget(string node)
    {
        lock (_gate)
            _nodes.Remove(node);
    }

    private bool IsHeard(NodeCondition c) => c.LastHeartbeat is { } at && clock.GetUtcNow() - at <= Silence;

    private NodeCondition Healthy(NodeCondition c) => c with { Health = NodeHealth.Healthy, Answers = true, Detail = "", Since = clock.GetUtcNow() };

    private NodeCondition Unhealthy(NodeCondition c, string detail) =>
        c with { Health = NodeHealth.Unhealthy, Detail = detail, Since = c.Health == NodeHealth.Unhealthy ? c.Since : clock.GetUtcNow() };

    private NodeCondition Nothing() => new(NodeHealth.Unknown, "not heard since the master started", clock.GetUtcNow(), null, false, false);

    private void Change(string node, Func<NodeCondition, NodeCondition> change)
    {
        NodeCondition before, after;
        lock (_gate)
        {
            before = _nodes.GetValueOrDefault(node) ?? Nothing();
            _nodes[node] = after = change(before);
        }
        if (before.Health != after.Health)
            Changed?.Invoke(node, before, after);
    }
}
