using System.Collections.Concurrent;
using Mcp.Errors;
using Mcp.Sqlite;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Registration;

/// <summary>Asks an agent whether it is there, and tells the board. The first answer means that the node has joined.</summary>
internal sealed class HealthProbe(IAgentEyes eyes, NodeHealthBoard board, TermWatch terms, Database database, GroupedWrites writes, TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, byte> _joined = new(StringComparer.Ordinal);

    /// <summary>Forgets a node that was removed.</summary>
    public void Forget(string node)
    {
        _joined.TryRemove(node, out _);
        terms.Forget(node);
    }

    /// <summary>Asks once.</summary>
    /// <param name="node">Whom.</param>
    /// <param name="limit">How long to wait for the answer.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>The answer, or null when there was none.</returns>
    public async Task<HealthCheckResponse?> AskAsync(string node, TimeSpan limit, CancellationToken cancellation)
    {
        try
        {
            var answer = await eyes.HealthAsync(node, limit, cancellation);
            // Once in this process is enough: a node that joined stays joined, and one that is added again joins by its Register.
            if (!_joined.ContainsKey(node))
            {
                // After a restart of the master, all nodes but new ones have joined: looking is cheaper than a thousand writes.
                if (database.Read(connection => NodeStore.Find(connection, node)) is { JoinedAt: null })
                    await writes.WriteAsync(connection => NodeStore.Joined(connection, node, Timestamp.Now(clock)));
                _joined.TryAdd(node, 0);
            }
            terms.Obeyed(node);
            board.Answered(node);
            return answer;
        }
        catch (McpException e)
        {
            terms.Failed(node, e);
            board.Failed(node, e.Cause is null ? e.Message : $"{e.Message}: {e.Cause}");
            return null;
        }
    }
}
