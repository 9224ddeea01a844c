using System.Collections.Concurrent;
using Mcp.Errors;
using Mcp.Placement;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Master.Registration;

/// <summary>
/// Keeps the board true. Three things make it look at a node:
/// 1 the clock: every 5 s it checks the nodes whose heartbeats are overdue, and those that are unhealthy but heard again; every 30 s it checks
///   the unhealthy ones that are not heard, so that the direction it names is the one that is broken now;
/// 2 the line: the master follows each agent's events over a stream from the moment it is healthy, and a dead peer breaks it within 7 s
///   (HTTP/2 pings, see ChannelLimits), after which a check of 3 s decides;
/// 3 an accepted Register or a heartbeat of a node that was away.
/// </summary>
#pragma warning disable CA1001 // A semaphore whose wait handle nobody asks for holds nothing to dispose of.
internal sealed partial class HealthWatch(
    Database database, IAgentEyes eyes, HealthProbe probe, NodeHealthBoard board, TimeSpan checkLimit, Func<string, EventsRequest> line, Func<string, FleetEvent, Task> happened,
    TimeProvider clock, ILogger<HealthWatch> log)
#pragma warning restore CA1001
{
    /// <summary>The check after a broken line.</summary>
    private static readonly TimeSpan QuickLimit = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Round = TimeSpan.FromSeconds(5);

    private const int RoundsOfTheDead = 6;

    // Dialling and a handshake that hangs, or two pings.
    private static readonly TimeSpan Standing = TimeSpan.FromSeconds(20);

    // A thousand nodes that appear at once are a thousand handshakes; in turn, the first are healthy while the last wait, and no answer is late
    // because of the others. Dead nodes hold a place for the limit of their check: all of a thousand are judged within 12 s (3 s each).
    private readonly SemaphoreSlim _turns = new(256);

    private readonly ConcurrentDictionary<string, byte> _asking = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte> _lines = new(StringComparer.Ordinal);

    // The clock's timestamp of each line's beginning, while it is followed.
    private readonly ConcurrentDictionary<string, long> _since = new(StringComparer.Ordinal);
    private CancellationToken _life = new(canceled: true);
    private int _round;

    /// <summary>Asks all nodes at once; gives up on those that do not answer in time. No alert comes of it.</summary>
    public async Task WarmUpAsync(CancellationToken cancellation)
    {
        var nodes = database.Read(NodeStore.All).Where(n => n.Address.Length > 0).Select(n => n.Name);
        await Task.WhenAll(nodes.Select(n => AskAsync(n, checkLimit, cancellation)));
    }

    /// <summary>Watches until the process ends.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        Begin(cancellation);
        using var timer = new PeriodicTimer(Round, clock);
        do
        {
            try
            {
                Look();
            }
            catch (McpException e)
            {
                LogRound(e.Message, e.Cause ?? "");
            }
        }
        while (await timer.WaitForNextTickAsync(cancellation));
    }

    /// <summary>From here on nodes are checked and their lines followed.</summary>
    internal void Begin(CancellationToken cancellation)
    {
        _life = cancellation;
        // At once, not with the next round: until its line is open, a node that dies is only missed by its heartbeats.
        board.Changed += (node, _, now) =>
        {
            if (now.Health == NodeHealth.Healthy)
                Follow(node);
        };
    }

    /// <summary>Checks a node soon, in the background.</summary>
    public void Soon(string node)
    {
        if (!_life.IsCancellationRequested)
            _ = CheckAsync(node, checkLimit, overdue: false);
    }

    /// <summary>
    /// Since when the line to a node has stood, as a timestamp of the clock; null: it does not stand, or not for long enough to know. Within
    /// <see cref="Standing"/> a peer that is not there has broken it.
    /// </summary>
    public long? LineSince(string node) => _since.TryGetValue(node, out var since) && clock.GetElapsedTime(since) > Standing ? since : null;

    /// <summary>One look at every node.</summary>
    internal void Look()
    {
        var atTheDead = _round++ % RoundsOfTheDead == 0;
        foreach (var node in database.Read(NodeStore.All))
        {
            var condition = board.Of(node.Name);
            if (node.Address.Length == 0)
                continue;
            if (board.IsOverdue(node.Name))
                _ = CheckAsync(node.Name, checkLimit, overdue: true);
            else if (condition.Health == NodeHealth.Unhealthy && (condition.IsHeard || atTheDead))
                _ = CheckAsync(node.Name, checkLimit, overdue: false);
            else if (condition.Health == NodeHealth.Healthy)
                Follow(node.Name);
        }
    }

    private async Task CheckAsync(string node, TimeSpan limit, bool overdue)
    {
        if (!_asking.TryAdd(node, 0))
            return;
        try
        {
            if (await AskAsync(node, limit, _life) is not null && overdue && board.IsOverdue(node))
                board.Silent(node);
        }
        catch (OperationCanceledException)
        {
            // The process ends.
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            LogRound(e.Message, e.GetType().Name);
        }
        finally
        {
            _asking.TryRemove(node, out _);
        }
    }

    private async Task<HealthCheckResponse?> AskAsync(string node, TimeSpan limit, CancellationToken cancellation)
    {
        await _turns.WaitAsync(cancellation);
        try
        {
            return await probe.AskAsync(node, limit, cancellation);
        }
        finally
        {
            _turns.Release();
        }
    }

    private void Follow(string node)
    {
        if (!_life.IsCancellationRequested && _lines.TryAdd(node, 0))
            _ = FollowAsync(node);
    }

    private async Task FollowAsync(string node)
    {
        var opened = clock.GetTimestamp();
        _since[node] = opened;
        try
        {
            await foreach (var e in eyes.EventsAsync(node, line(node), _life))
                await happened(node, e);
            LogLine(node, "it was closed by the agent");
        }
        catch (McpException e) when (e.Code == FaultCode.Unimplemented)
        {
            // An agent without events has no line; its heartbeats must do. The entry stays, so that it is not asked again and again.
            return;
        }
        catch (McpException e)
        {
            LogLine(node, e.Message);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            LogLine(node, e.Message);
        }
        finally
        {
            _since.TryRemove(node, out _);
        }
        await CheckAsync(node, QuickLimit, overdue: false);
        _lines.TryRemove(node, out _);
        // A line that had stood is opened again at once; one that breaks as soon as it is open waits for the round.
        if (clock.GetElapsedTime(opened) > Round && board.Of(node).Health == NodeHealth.Healthy)
            Follow(node);
    }
}
