using Mcp.Placement;

namespace Mcp.Master.Registration;

/// <summary>What the master believes of one node's health, and why.</summary>
/// <param name="Health">Healthy, unhealthy, or not established since this master started.</param>
/// <param name="Detail">Which direction is broken, in words; empty while healthy.</param>
/// <param name="Since">When this belief began.</param>
/// <param name="LastHeartbeat">The last one this master got; null: none in its life.</param>
/// <param name="Registered">Whether the agent registered in this master's life, and since it was away last.</param>
/// <param name="Answers">Whether it answered the last HealthCheck.</param>
/// <param name="IsHeard">Whether a heartbeat came not long ago, and since the node became unhealthy.</param>
/// <param name="Skew">How far its clock was ahead of this one at its last heartbeat; null: it did not say.</param>
internal sealed record NodeCondition(
    NodeHealth Health, string Detail, DateTimeOffset Since, DateTimeOffset? LastHeartbeat, bool Registered, bool Answers, bool IsHeard, TimeSpan? Skew);

/// <summary>
/// The health of every node, in memory. A node is healthy when both directions work: its heartbeats arrive and it answers HealthCheck.
/// <code>
/// Unknown ──check answered──────────────→ Healthy   (warm-up, and the first heartbeat)
/// Healthy ──90 s without a heartbeat────→ Unhealthy (a check says which direction is broken)
/// Healthy ──line broke, check failed────→ Unhealthy
/// Unhealthy ──heartbeat, then check answered→ Healthy
/// </code>
/// The heartbeat must come after the node became unhealthy: the one before proves nothing. Spans are measured on the monotonic clock, so a
/// wall clock that is set by an hour makes no node silent.
/// </summary>
internal sealed class NodeHealthBoard(TimeProvider clock)
{
    /// <summary>Three heartbeats of 30 s.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(90);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Belief> _nodes = new(StringComparer.Ordinal);

    /// <summary>Told of every change: node, from, to. Called outside of any lock.</summary>
    public event Action<string, NodeCondition, NodeCondition>? Changed;

    /// <summary>What is believed of a node; unknown for one never heard of.</summary>
    public NodeCondition Of(string node)
    {
        lock (_gate)
            return Describe(_nodes.GetValueOrDefault(node) ?? Nothing());
    }

    /// <summary>A heartbeat arrived.</summary>
    /// <param name="node">Whose.</param>
    /// <param name="skew">How far its clock is ahead; null: it did not say.</param>
    /// <returns>Whether the node was away, so that it must be checked.</returns>
    public bool Heard(string node, TimeSpan? skew = null)
    {
        var away = false;
        Change(node, b =>
        {
            away = b.Health != NodeHealth.Healthy || !b.Registered;
            return b with { LastHeartbeat = clock.GetUtcNow(), HeardAt = clock.GetTimestamp(), HeardSince = true, Skew = skew ?? b.Skew };
        });
        return away;
    }

    /// <summary>An accepted Register arrived, which counts as a heartbeat.</summary>
    public void Registered(string node) =>
        Change(node, b => b with { Registered = true, LastHeartbeat = clock.GetUtcNow(), HeardAt = clock.GetTimestamp(), HeardSince = true });

    /// <summary>The node's next heartbeat is answered <c>register_again</c>: what it holds was superseded meanwhile, or is not what it said.</summary>
    public void MustRegister(string node) => Change(node, b => b with { Registered = false });

    /// <summary>The node answered a HealthCheck. Enough when nothing was known of it; an unhealthy one needs a heartbeat, too.</summary>
    public void Answered(string node) => Change(node, b => b.Health switch
    {
        NodeHealth.Unknown => Healthy(b),
        NodeHealth.Unhealthy when IsHeard(b) => Healthy(b),
        _ => b with { Answers = true },
    });

    /// <summary>The node did not answer a HealthCheck.</summary>
    public void Failed(string node, string cause) => Change(node, b => Unhealthy(b) with { Answers = false, Cause = cause });

    /// <summary>No heartbeat for too long, although it answers HealthCheck.</summary>
    public void Silent(string node) => Change(node, b => Unhealthy(b) with { Answers = true });

    /// <summary>Whether the heartbeats of the node are overdue.</summary>
    public bool IsOverdue(string node)
    {
        lock (_gate)
            return _nodes.GetValueOrDefault(node) is { } b && b.Health == NodeHealth.Healthy && clock.GetElapsedTime(b.HeardAt ?? b.Began) > Silence;
    }

    /// <summary>Whether the node was heard not long ago.</summary>
    public bool IsLive(string node)
    {
        lock (_gate)
            return _nodes.GetValueOrDefault(node) is { HeardAt: { } at } && clock.GetElapsedTime(at) <= Silence;
    }

    /// <summary>Forgets a node that was removed.</summary>
    public void Forget(string node)
    {
        lock (_gate)
            _nodes.Remove(node);
    }

    private bool IsHeard(Belief b) => b is { HeardSince: true, HeardAt: { } at } && clock.GetElapsedTime(at) <= Silence;

    private Belief Healthy(Belief b) => b with { Health = NodeHealth.Healthy, Answers = true, Cause = "", Since = clock.GetUtcNow(), Began = clock.GetTimestamp() };

    private Belief Unhealthy(Belief b) => b.Health == NodeHealth.Unhealthy
        ? b
        : b with { Health = NodeHealth.Unhealthy, Since = clock.GetUtcNow(), Began = clock.GetTimestamp(), HeardSince = false, Registered = false };

    private Belief Nothing() => new(NodeHealth.Unknown, clock.GetUtcNow(), clock.GetTimestamp(), null, null, false, false, false, "", null);

    private NodeCondition Describe(Belief b) => new(b.Health, DetailOf(b), b.Since, b.LastHeartbeat, b.Registered, b.Answers, IsHeard(b), b.Skew);

    // Said from what is known at this moment: a node that failed its check ten seconds ago may still be sending heartbeats, or not.
    private string DetailOf(Belief b) => (b.Health, b.Answers, IsHeard(b)) switch
    {
        (NodeHealth.Healthy, _, _) => "",
        (NodeHealth.Unknown, _, _) => "not heard since the master started",
        (_, true, _) => "answers the master, but its heartbeats do not arrive (agent → master is broken)",
        (_, false, true) => $"sends heartbeats, but does not answer the master (master → agent is broken): {b.Cause}",
        _ when b.HeardAt is { } at && clock.GetElapsedTime(at) <= Silence => $"does not answer the master (master → agent is broken, or the node is down; its next heartbeat would tell): {b.Cause}",
        _ => $"does not answer, and no heartbeat arrives: {b.Cause}",
    };

    private void Change(string node, Func<Belief, Belief> change)
    {
        NodeCondition before, after;
        lock (_gate)
        {
            var known = _nodes.GetValueOrDefault(node) ?? Nothing();
            before = Describe(known);
            after = Describe(_nodes[node] = change(known));
        }
        if (before.Health != after.Health)
            Changed?.Invoke(node, before, after);
    }

    /// <param name="Health">As believed.</param>
    /// <param name="Since">When that began, for people.</param>
    /// <param name="Began">When that began, for measuring.</param>
    /// <param name="LastHeartbeat">For people.</param>
    /// <param name="HeardAt">The last heartbeat, for measuring.</param>
    /// <param name="HeardSince">A heartbeat came after the node became unhealthy.</param>
    /// <param name="Registered">See <see cref="NodeCondition"/>.</param>
    /// <param name="Answers">See <see cref="NodeCondition"/>.</param>
    /// <param name="Cause">Why the last check failed.</param>
    /// <param name="Skew">See <see cref="NodeCondition"/>.</param>
    private sealed record Belief(
        NodeHealth Health, DateTimeOffset Since, long Began, DateTimeOffset? LastHeartbeat, long? HeardAt, bool HeardSince, bool Registered, bool Answers, string Cause, TimeSpan? Skew);
}
