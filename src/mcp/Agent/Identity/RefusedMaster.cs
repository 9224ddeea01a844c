namespace Mcp.Agent.Identity;

/// <summary>
/// Masters of a term below the one that this node obeys, whose calls were refused. The fleet's own master hears of them through the node's
/// problems: somebody has started an old one.
/// </summary>
internal sealed class RefusedMaster(TimeProvider clock)
{
    private static readonly TimeSpan Remembered = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private (ulong Term, string Address, long At)? _last;

    /// <summary>A call was refused.</summary>
    public void Saw(ulong term, string address)
    {
        lock (_gate)
            _last = (term, address, clock.GetTimestamp());
    }

    /// <summary>In words; null when none was refused in the last hour.</summary>
    public string? Problem
    {
        get
        {
            lock (_gate)
            {
                return _last is { } last && clock.GetElapsedTime(last.At) < Remembered
                    ? $"an old master (term {last.Term}) at {last.Address} calls this node and is refused; stop it there: systemctl disable --now mcp-master"
                    : null;
            }
        }
    }
}
