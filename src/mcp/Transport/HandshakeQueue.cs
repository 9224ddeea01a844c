using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Mcp.Transport;

/// <summary>
/// Lets a few TLS handshakes run at a time; the others wait before theirs begins. A handshake costs some milliseconds of a processor, so that
/// after a restart of the master a thousand of them at once would take so long that each runs into its limit, calls that are served already get
/// no turn, pings are not answered, and everybody dials again. In turn, the first are served while the last still wait.
/// A peer that stalls gives its place back after a second: whoever opens connections and says nothing holds up nobody for longer.
/// </summary>
#pragma warning disable CA1001 // A semaphore whose wait handle nobody asks for holds nothing to dispose of.
internal sealed class HandshakeQueue(TimeProvider clock)
#pragma warning restore CA1001
{
    /// <summary>Enough to keep every processor busy while peers are waited for.</summary>
    private const int AtOnce = 32;

    private static readonly TimeSpan LongestTurn = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _turns = new(AtOnce);

    /// <summary>Before TLS: waits for a turn.</summary>
    public void Enter(ListenOptions listen) => listen.Use(next => async connection =>
    {
        try
        {
            await _turns.WaitAsync(connection.ConnectionClosed);
        }
        catch (OperationCanceledException)
        {
            // The peer gave up while it waited.
            return;
        }
        using var turn = new Turn(_turns, clock);
        connection.Features.Set(turn);
        await next(connection);
    });

    /// <summary>After TLS: the turn is over.</summary>
    public static void Leave(ListenOptions listen) => listen.Use(next => connection =>
    {
        connection.Features.Get<Turn>()?.Dispose();
        return next(connection);
    });

    private sealed class Turn : IDisposable
    {
        private readonly SemaphoreSlim _turns;
        private readonly ITimer _limit;
        private int _over;

        public Turn(SemaphoreSlim turns, TimeProvider clock)
        {
            _turns = turns;
            _limit = clock.CreateTimer(static turn => ((Turn)turn!).End(), this, LongestTurn, Timeout.InfiniteTimeSpan);
        }

        public void Dispose()
        {
            _limit.Dispose();
            End();
        }

        private void End()
        {
            if (Interlocked.Exchange(ref _over, 1) == 0)
                _turns.Release();
        }
    }
}
