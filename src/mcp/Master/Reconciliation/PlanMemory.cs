using Mcp.V1;

namespace Mcp.Master.Reconciliation;

/// <summary>
/// The plans that were shown last, by id, so that a plan which no longer holds can say what moved. Only a memory: whether a plan still holds is
/// decided by making it again, and a master that was restarted decides the same.
/// </summary>
internal sealed class PlanMemory
{
    /// <summary>Enough for a day of operators and pipelines; some 100 KB each for 500 services.</summary>
    private const int Most = 64;

    private readonly Lock _gate = new();
    private readonly LinkedList<Plan> _plans = new();

    /// <summary>Keeps a plan; the oldest goes.</summary>
    public void Keep(Plan plan)
    {
        var copy = plan.Clone();
        foreach (var entry in copy.Entries)
            entry.Changes.Clear();
        lock (_gate)
        {
            Remove(plan.Id);
            _plans.AddFirst(copy);
            if (_plans.Count > Most)
                _plans.RemoveLast();
        }
    }

    /// <summary>The plan of that id, or null.</summary>
    public Plan? Find(string id)
    {
        lock (_gate)
            return _plans.FirstOrDefault(p => p.Id == id);
    }

    private void Remove(string id)
    {
        if (_plans.FirstOrDefault(p => p.Id == id) is { } known)
            _plans.Remove(known);
    }
}
