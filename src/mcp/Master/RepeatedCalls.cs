using System.Security.Cryptography;
using Google.Protobuf;
using Mcp.Errors;
using Mcp.Names;

namespace Mcp.Master;

/// <summary>
/// Short changes without a journal (nodes, people, data records) are made once for each operation id: the same call again joins the running one or
/// gets its answer again, so that an answer lost on the way loses no token and removes nothing twice. Kept in memory for a while; after a
/// restart of the master the change itself says what it finds.
/// </summary>
internal sealed class RepeatedCalls(TimeProvider clock)
{
    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(10);

    // Answers hold tokens: few, and not for long.
    private const int Most = 1000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Call> _calls = new(StringComparer.Ordinal);

    /// <summary>Makes the change, joins it, or gives its answer again. A failure is not kept: what stood in the way may be gone.</summary>
    /// <exception cref="McpException">InvalidArgument: the id was used for another request; or what the change throws.</exception>
    public async Task<T> OnceAsync<T>(OperationId id, string method, string by, IMessage request, Func<Task<T>> body)
        where T : class
    {
        var key = $"{method} {by} {Convert.ToHexStringLower(SHA256.HashData(request.ToByteArray()))}";
        Task<T> work;
        lock (_gate)
        {
            Prune();
            if (_calls.TryGetValue(id.Value, out var known))
            {
                work = known.Key == key && known.Work is Task<T> same ? same : throw new McpException(FaultCode.InvalidArgument, $"the operation id {id} was used for another request")
                {
                    Hint = "leave the id out, or choose a new one, for a new change",
                };
            }
            else
            {
                work = Task.Run(body);
                _calls[id.Value] = new Call(key, work, clock.GetTimestamp());
            }
        }
        try
        {
            return await work;
        }
        catch
        {
            lock (_gate)
            {
                if (_calls.TryGetValue(id.Value, out var mine) && ReferenceEquals(mine.Work, work))
                    _calls.Remove(id.Value);
            }
            throw;
        }
    }

    private void Prune()
    {
        foreach (var (id, _) in _calls.Where(c => c.Value.Work.IsCompleted && (clock.GetElapsedTime(c.Value.Began) > Kept || _calls.Count > Most)).ToList())
            _calls.Remove(id);
    }

    private sealed record Call(string Key, Task Work, long Began);
}
