using Mcp.V1;

namespace Mcp.Master.Reconciliation;

/// <summary>A plan for people who may look but not change: the hashes of environment values shortened, as everywhere for them, so that none can be guessed.</summary>
internal static class PlanView
{
    private const int Shown = 13; // "sha256:" and six digits, as EnvironmentView shows

    /// <summary>A copy with shortened hashes.</summary>
    public static Plan Blur(Plan plan)
    {
        var copy = plan.Clone();
        foreach (var change in copy.Entries.SelectMany(e => e.Changes).Where(c => c.Field.Contains(".env.", StringComparison.Ordinal)))
        {
            change.Old = Short(change.Old);
            change.New = Short(change.New);
        }
        return copy;
    }

    private static string Short(string hash) => hash.Length > Shown ? hash[..Shown] : hash;
}
