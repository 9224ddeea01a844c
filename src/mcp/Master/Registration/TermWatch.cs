using System.Globalization;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Transport;

namespace Mcp.Master.Registration;

/// <summary>
/// Whether this master's time is over. A restored master raises the fleet's term, and agents obey the highest that they ever met; so an old master
/// that comes back is refused, with the term that outranks it, and ends. One agent's word does not end a master, or a single node that fell
/// into the wrong hands could: at least half of the nodes that answer must say so. Fewer are a finding. Nothing is decided before the start
/// has probed all nodes, since the first to answer would be all of them.
/// </summary>
internal sealed class TermWatch(Func<ulong> own)
{
    /// <summary>The step named by the fault of a master that must end.</summary>
    public const string Step = "term";

    private readonly Lock _gate = new();
    private readonly HashSet<string> _obeying = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (ulong Term, string? Where)> _estranged = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource<McpException> _outlived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _judging;

    /// <summary>Completed with the reason when this master must end.</summary>
    public Task<McpException> Outlived => _outlived.Task;

    /// <summary>The nodes that obey a higher term.</summary>
    public IReadOnlyList<string> Estranged
    {
        get
        {
            lock (_gate)
                return [.. _estranged.Keys.Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>A node did what it was asked: it obeys this master.</summary>
    public void Obeyed(string node)
    {
        lock (_gate)
        {
            _obeying.Add(node);
            _estranged.Remove(node);
        }
    }

    /// <summary>A call to a node failed: perhaps because it obeys another master.</summary>
    public void Failed(string node, McpException fault)
    {
        var said = (fault.InnerException as RpcException)?.Trailers.GetValue(CallMetadata.Term);
        if (ulong.TryParse(said, NumberStyles.None, CultureInfo.InvariantCulture, out var term))
            Said(node, term, fault.Hint);
    }

    /// <summary>A node says which term it obeys.</summary>
    /// <param name="node">Which.</param>
    /// <param name="term">The highest it ever met.</param>
    /// <param name="where">Where it says that master is, in words; null: it did not say.</param>
    /// <returns>Whether it is above this master's.</returns>
    public bool Said(string node, ulong term, string? where = null)
    {
        if (term <= own())
            return false;
        lock (_gate)
        {
            _obeying.Remove(node);
            _estranged[node] = (term, where ?? _estranged.GetValueOrDefault(node).Where);
            Judge();
        }
        return true;
    }

    /// <summary>All nodes were probed: from here on it is decided.</summary>
    public void Begin()
    {
        lock (_gate)
        {
            _judging = true;
            Judge();
        }
    }

    /// <summary>Forgets a node that was removed.</summary>
    public void Forget(string node)
    {
        lock (_gate)
        {
            _obeying.Remove(node);
            _estranged.Remove(node);
        }
    }

    private void Judge()
    {
        if (!_judging || _estranged.Count == 0 || _estranged.Count < _obeying.Count)
            return;
        var (term, where) = _estranged.Values.MaxBy(e => e.Term);
        _outlived.TrySetResult(new McpException(
            FaultCode.FailedPrecondition,
            $"this master lives in term {own()}, but {_estranged.Count} of the {_estranged.Count + _obeying.Count} nodes that answer obey term {term}: the fleet was restored on another master, and this one ends")
        {
            Step = Step,
            Cause = $"said by {string.Join(", ", _estranged.Keys.Order(StringComparer.Ordinal))}",
            State = "containers keep running and obey the other master; nothing was changed here",
            Hint = $"systemctl disable --now mcp-master on this machine{(where is null ? "" : $" ({where})")}",
        });
    }
}
