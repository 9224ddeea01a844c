using System.Threading.Channels;
using Mcp.Errors;

namespace Mcp.Master.Reading;

/// <summary>
/// Looks for findings at the start, every minute, soon after a node's health changed or its agent told of something bad, and once more as soon as what was seen can be confirmed.
/// What opened and closed is handed on. Before the first look all nodes were probed (the start's warm-up).
/// </summary>
internal sealed partial class FindingWatch(
    Func<CancellationToken, Task<FindingFacts>> look, FindingLedger ledger, Action<FindingChanges> told, TimeProvider clock, ILogger<FindingWatch> log)
{
    private static readonly TimeSpan Round = TimeSpan.FromMinutes(1);

    // Nodes often change together (a switch, a rack): one look for all of them.
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);

    // A look asks every node; whoever floods the fleet with events does not flood it with looks.
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(5);

    private readonly Channel<bool> _soon = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Something changed that findings may come of.</summary>
    public void Soon() => _soon.Writer.TryWrite(true);

    /// <summary>Runs until the process ends.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                await LookAsync(cancellation);
            }
            catch (McpException e)
            {
                LogFailed(e.Message, e.Cause ?? "");
            }
            await NextAsync(ledger.IsWaiting ? FindingLedger.Confirmation : Round, cancellation);
        }
    }

    /// <summary>One look.</summary>
    internal async Task LookAsync(CancellationToken cancellation)
    {
        var facts = await look(cancellation);
        told(ledger.Take(FindingRules.Compute(facts), key => FindingRules.CanJudge(facts, key)));
    }

    private async Task NextAsync(TimeSpan pause, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        using var limit = new CancellationTokenSource(pause, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await _soon.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return;
        }
        var rest = Shortest - clock.GetElapsedTime(began);
        await Task.Delay(rest > Settle ? rest : Settle, clock, cancellation);
    }
}
