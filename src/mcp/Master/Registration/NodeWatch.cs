using Mcp.Errors;
using Mcp.Placement;

namespace Mcp.Master.Registration;

/// <summary>
/// Ends a stream of data when a node that it leads to or comes from is found dead. The stream's own connection (<see cref="AgentLinks.ForData"/>) has
/// patience with a slow link, since a backlog there is no silence; whether a node is there is known from the others.
/// </summary>
internal sealed class NodeWatch : IAsyncDisposable
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _cut;
    private readonly CancellationToken _outer;
    private readonly Task<McpException?> _watching;

    /// <summary>Begins to watch.</summary>
    /// <param name="board">What is known of nodes.</param>
    /// <param name="clock">For the rounds.</param>
    /// <param name="nodes">Which; a name that is no node's is never found dead.</param>
    /// <param name="outer">Ends the stream, too, and is no node's fault.</param>
    public NodeWatch(NodeHealthBoard board, TimeProvider clock, IReadOnlyList<string> nodes, CancellationToken outer)
    {
        _outer = outer;
        _cut = CancellationTokenSource.CreateLinkedTokenSource(outer);
        _watching = WatchAsync(board, clock, nodes);
    }

    /// <summary>What the stream runs under.</summary>
    public CancellationToken Token => _cut.Token;

    /// <summary>Runs what moves the data; that it was cut because a node is dead is told as that.</summary>
    /// <exception cref="McpException">A node is dead; or whatever <paramref name="body"/> throws.</exception>
    public async Task<T> RunAsync<T>(Func<Task<T>> body)
    {
        try
        {
            return await body();
        }
        catch (OperationCanceledException e) when (!_outer.IsCancellationRequested)
        {
            await _cut.CancelAsync();
            throw await _watching ?? new McpException(FaultCode.Unavailable, "the stream of data was cut", e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // Without its trailer the receiver drops what it has.
        await _cut.CancelAsync();
        await _watching;
        _cut.Dispose();
    }

    private async Task<McpException?> WatchAsync(NodeHealthBoard board, TimeProvider clock, IReadOnlyList<string> nodes)
    {
        try
        {
            while (true)
            {
                await Task.Delay(LookAgain, clock, _cut.Token);
                foreach (var node in nodes)
                {
                    if (board.Of(node) is not { Health: NodeHealth.Unhealthy } condition)
                        continue;
                    await _cut.CancelAsync();
                    return new McpException(FaultCode.Unavailable, $"{node} {condition.Detail} while data was on its way") { Node = node, Hint = "mcp node list" };
                }
            }
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}
