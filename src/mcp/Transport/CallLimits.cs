using System.Collections.Concurrent;
using System.Threading.RateLimiting;
using Mcp.Names;

namespace Mcp.Transport;

/// <summary>
/// The budgets of identities (SPEC §5) and of peer addresses that are not, or not yet, authenticated. They are separate: whatever strangers
/// send, no identity's budget shrinks, and a good certificate behind a noisy address is served. One for each server.
/// </summary>
internal sealed class CallLimits : IDisposable
{
    // One a minute in the long run. An agent that is started again three times in a row must not wait for its budget: until it has registered, its node counts
    // as away, and after 20 s it starts its services without the master's word that they are still its own (measured: 60 to 80 s away after a second restart).
    private readonly PartitionedRateLimiter<string> _register = PerKey(RegisterBurst, 1, TimeSpan.FromMinutes(1));
    private readonly PartitionedRateLimiter<string> _heartbeat = PerKey(1, 1, TimeSpan.FromSeconds(10));
    private readonly PartitionedRateLimiter<string> _handshakes = PerKey(6, 1, TimeSpan.FromSeconds(10));
    private readonly PartitionedRateLimiter<string> _notices = PerKey(5, 1, TimeSpan.FromMinutes(1));
    private readonly PartitionedRateLimiter<string> _strangers;
    private readonly ConcurrentDictionary<string, bool> _registerGrants = new(StringComparer.Ordinal);

    /// <summary>Registers that an identity may make at once, if it has made none for so many minutes.</summary>
    public const int RegisterBurst = 5;

    /// <summary>Budgets with <paramref name="strangersPerMinute"/> unauthenticated calls a minute and peer address.</summary>
    public CallLimits(int strangersPerMinute)
    {
        // Refilled in sixths: after a burst a peer waits ten seconds, not a minute.
        var part = Math.Max(1, strangersPerMinute / 6);
        _strangers = PerKey(strangersPerMinute, part, TimeSpan.FromMinutes(1) * part / strangersPerMinute);
    }

    /// <summary>Lets the next Register of <paramref name="agent"/> pass whatever its budget: the master just answered <c>register_again</c>.</summary>
    public void GrantRegister(Principal agent) => _registerGrants[agent.ToString()] = true;

    /// <summary>Takes one call of <paramref name="caller"/> from its budget; false: there is none left.</summary>
    internal bool TryTake(CallBudget budget, Principal caller) => budget switch
    {
        CallBudget.Register => _registerGrants.TryRemove(caller.ToString(), out _) || Take(_register, caller.ToString()),
        CallBudget.Heartbeat => Take(_heartbeat, caller.ToString()),
        _ => true,
    };

    /// <summary>
    /// Whether a call beyond its budget is to be told to log and audit: the first few of an identity, then one a minute. A node that calls a
    /// thousand times a second must not write a thousand rows a second.
    /// </summary>
    internal bool TryTakeNotice(Principal caller) => Take(_notices, caller.ToString());

    /// <summary>Takes one unauthenticated call from <paramref name="peerAddress"/>; false: it has had too many.</summary>
    internal bool TryTakeStranger(string peerAddress) => Take(_strangers, peerAddress);

    /// <summary>Takes one line about a failed TLS handshake from <paramref name="peerAddress"/>; false: enough was said about it.</summary>
    internal bool TryTakeFailedHandshake(string peerAddress) => Take(_handshakes, peerAddress);

    /// <inheritdoc/>
    public void Dispose()
    {
        _register.Dispose();
        _heartbeat.Dispose();
        _notices.Dispose();
        _strangers.Dispose();
        _handshakes.Dispose();
    }

    private static bool Take(PartitionedRateLimiter<string> limiter, string key)
    {
        using var lease = limiter.AttemptAcquire(key);
        return lease.IsAcquired;
    }

    /// <summary>A token bucket for each key; the framework drops buckets that are full and idle, so a scan of addresses does not fill memory.</summary>
    private static PartitionedRateLimiter<string> PerKey(int burst, int refill, TimeSpan period) =>
        PartitionedRateLimiter.Create<string, string>(key => RateLimitPartition.GetTokenBucketLimiter(key, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = burst,
            TokensPerPeriod = refill,
            ReplenishmentPeriod = period,
            QueueLimit = 0,
        }));
}
