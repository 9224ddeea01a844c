using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Planning;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Master.Reconciliation;

/// <summary>The plan of a sync, and what must hold before one is carried out.</summary>
internal sealed class SyncPlanning(FleetSurvey survey, PlanMemory memory)
{
    private const int MostLines = 20;

    /// <summary>A copy of the request whose specs are complete.</summary>
    /// <exception cref="McpException">InvalidArgument: empty, a name twice or not asked for, or a spec that breaks its rules.</exception>
    public static SyncRequest Checked(SyncRequest request)
    {
        var copy = request.Clone();
        // An empty directory would remove every service: it is a wrong path or a failed checkout, never a wish.
        if (copy.Services.Count == 0)
            throw new McpException(FaultCode.InvalidArgument, "the set of definitions is empty; a sync of nothing would remove every service") { Hint = "mcp service new <name>; to remove one service: mcp undeploy <service>" };
        for (var i = 0; i < copy.Services.Count; i++)
        {
            SpecRules.Require(copy.Services[i]);
            copy.Services[i] = SpecBuilder.Complete(copy.Services[i]);
        }
        if (copy.Services.GroupBy(s => s.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new McpException(FaultCode.InvalidArgument, $"the service {twice.Key} is defined {twice.Count()} times");
        if (copy.Only.FirstOrDefault(o => !ServiceName.TryParse(o, out _, out _)) is { } bad)
            throw new McpException(FaultCode.InvalidArgument, $"'{Printable.Line(bad, 80)}' is not the name of a service");
        var only = copy.Only.ToHashSet(StringComparer.Ordinal);
        if (only.Count > 0 && copy.Services.FirstOrDefault(s => !only.Contains(s.Name)) is { } foreign)
            throw new McpException(FaultCode.InvalidArgument, $"the service {foreign.Name} is defined, but not among those that are asked for");
        return copy;
    }

    /// <summary>Makes the plan of a checked request; refuses when it is not the expected one.</summary>
    /// <exception cref="McpException">FailedPrecondition naming what moved.</exception>
    public async Task<Plan> MakeAsync(SyncRequest request, CancellationToken cancellation)
    {
        var plan = Planner.Make(await survey.LookAsync(request, cancellation));
        memory.Keep(plan);
        if (request.ExpectedPlan.Length > 0 && request.ExpectedPlan != plan.Id)
            throw Moved(request.ExpectedPlan, plan);
        return plan;
    }

    /// <summary>Refuses a plan that removes more than was confirmed, or goes over what its caller has not seen.</summary>
    /// <exception cref="McpException">FailedPrecondition; nothing was done.</exception>
    public static void RequireConfirmed(SyncRequest request, Plan plan)
    {
        if (request.ConfirmRemovals != plan.Removals)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"this plan removes {Services(plan.Removals)}, and the removal of {request.ConfirmRemovals} was confirmed; nothing was done")
            {
                Cause = Named(plan, e => e.Action == "undeploy"),
                Hint = $"mcp plan; then mcp sync --yes --yes-remove {plan.Removals}",
            };
        }
        if (plan.CoreRemovals > 0 && !request.ConfirmCoreRemovals)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"this plan removes {plan.CoreRemovals} core service{(plan.CoreRemovals == 1 ? "" : "s")}, which was not confirmed; nothing was done")
            {
                Cause = Named(plan, e => e is { Action: "undeploy", Core: true }),
                Hint = "mcp sync --core",
            };
        }
        if (plan.Unseen == 0)
            return;
        var unseen = plan.Entries.Where(e => e.Unseen.Length > 0).ToList();
        throw new McpException(FaultCode.FailedPrecondition, $"{Services((uint)unseen.Count)} changed since this machine last looked: {string.Join(", ", unseen.Select(e => e.Service))}; nothing was done")
        {
            Cause = Lines(unseen.SelectMany(e => Difference(e).Prepend($"{e.Service}: {e.Unseen}"))),
            Hint = $"look at it: mcp history {unseen[0].Service}; mcp service show {unseen[0].Service}; then go over it: mcp sync --overwrite",
        };
    }

    private McpException Moved(string expected, Plan plan)
    {
        var known = memory.Find(expected);
        return new McpException(FaultCode.FailedPrecondition, $"the fleet or the definitions moved since plan {Printable.Line(expected, 40)}; the plan is {plan.Id} now, and nothing was done")
        {
            Cause = known is null
                ? "what moved cannot be named: this master has not made that plan since it started, or too long ago"
                : Lines(PlanDifference.Between(known, plan)),
            Hint = "mcp plan",
        };
    }

    private static IEnumerable<string> Difference(PlanEntry entry) => entry.Action == "undeploy"
        ? ["  the plan removes it"]
        : entry.Changes.Select(c => $"  {c.Field}: {Shown(c.Old)} → {Shown(c.New)}   (deployed → yours)");

    private static string Lines(IEnumerable<string> lines)
    {
        var all = lines.ToList();
        return string.Join("\n    ", all.Count <= MostLines ? all : [.. all.Take(MostLines), $"and {all.Count - MostLines} more"]);
    }

    private static string Named(Plan plan, Func<PlanEntry, bool> which) => string.Join(", ", plan.Entries.Where(which).Select(e => e.Service));

    private static string Services(uint count) => count == 1 ? "1 service" : $"{count} services";

    private static string Shown(string value) => value.Length == 0 ? "(none)" : value;
}
