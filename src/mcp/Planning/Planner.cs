using Mcp.Definitions;
using Mcp.V1;

namespace Mcp.Planning;

/// <summary>
/// What to do so that the fleet becomes as the definitions say, one entry a service; a pure function. In this order:
/// 1 each service alone: what differs and which action ends it; a service on a silent node is unknown, and nothing is done to it;
/// 2 where new ones go, each seeing the containers of those before it, so that ten spread;
/// 3 names: who takes one from whom goes after the one that gives it up; who cannot have one is refused;
/// 4 what the caller has not seen; counts; the id.
/// What a deploy would be refused for stands in the entry, so it is seen before anything acts.
/// </summary>
internal static class Planner
{
    /// <summary>Makes the plan; entries by service.</summary>
    public static Plan Make(FleetFacts facts)
    {
        var desired = facts.Desired.ToDictionary(s => s.Name, StringComparer.Ordinal);
        var deployed = facts.Deployed.ToDictionary(s => s.Name, StringComparer.Ordinal);
        var names = facts.Only.Count > 0 ? facts.Only : desired.Keys.Concat(deployed.Keys);
        var plan = new Plan();
        // 1
        foreach (var name in names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
            plan.Entries.Add(EntryOf(desired.GetValueOrDefault(name), deployed.GetValueOrDefault(name), facts, name));
        // 2
        new NodeChoice(facts).Choose(plan, desired, deployed);
        // 3
        NameOrder.Settle(plan, desired, facts);
        // 4
        foreach (var entry in plan.Entries)
            entry.Unseen = Unseen(entry, facts.Seen);
        plan.Removals = Count(plan, e => e.Action == "undeploy");
        plan.CoreRemovals = Count(plan, e => e is { Action: "undeploy", Core: true });
        plan.Changes = Count(plan, IsChange);
        plan.Unknown = Count(plan, e => e.Action == "unknown");
        plan.Refused = Count(plan, e => e.Refusal is not null);
        plan.Unseen = Count(plan, e => e.Unseen.Length > 0);
        plan.Id = PlanId.Of(plan);
        return plan;
    }

    /// <summary>Whether the entry is something to do.</summary>
    public static bool IsChange(PlanEntry entry) => entry.Action is not ("none" or "unknown");

    private static PlanEntry EntryOf(ServiceSpec? wanted, DeployedService? is_, FleetFacts facts, string name)
    {
        if (is_ is null)
        {
            var data = facts.Data.GetValueOrDefault(name);
            return wanted is null
                ? new PlanEntry { Service = name, Action = "none", Why = "neither defined nor deployed" }
                : new PlanEntry { Service = name, Action = "deploy", Why = data is null ? "new" : $"it was undeployed; its data is on {data.Node}", SpecHash = SpecHash.OfService(wanted), Epoch = data?.Epoch ?? 0, Core = wanted.Tier == "core" };
        }
        var entry = new PlanEntry
        {
            Service = name,
            Node = is_.Node,
            Generation = is_.Generation,
            Epoch = is_.Epoch,
            State = is_.State switch { ServiceState.Running => "running", ServiceState.Stopped => "stopped", _ => "unknown" },
            SpecHash = wanted is null ? "" : SpecHash.OfService(wanted),
            DeployedHash = is_.SpecHash,
            DeployedBy = is_.Principal,
            DeployedAt = is_.At,
            Core = is_.Spec.Tier == "core",
            Remark = is_.Remark,
            NodeGeneration = IsForeign(is_) ? is_.NodeGeneration : 0,
        };
        (entry.Action, entry.Why) = ActionOf(wanted, is_, entry.SpecHash);
        if (wanted is not null && !is_.Pending && IsChange(entry) && entry.SpecHash != is_.SpecHash)
            entry.Changes.AddRange(SpecDifference.Between(is_.Spec, wanted).Select(Change));
        entry.Interrupts = is_.AnythingRuns && entry.Action switch
        {
            "undeploy" or "stop" => true,
            "redeploy" => !wanted!.Active || Interruption.Of(is_.Spec, wanted) || IsForeign(is_),
            _ => false,
        };
        return entry;
    }

    private static (string Action, string Why) ActionOf(ServiceSpec? wanted, DeployedService is_, string wantedHash)
    {
        if (is_.State == ServiceState.Unknown)
            return ("unknown", is_.Detail);
        if (wanted is null)
            return ("undeploy", is_.Pending ? "the directory has no definition of it, and its first deploy was not confirmed" : "the directory has no definition of it; its data stays");
        if (is_.Pending)
            return ("deploy", $"its first deploy on {is_.Node} was not confirmed");
        if (IsForeign(is_))
            return ("redeploy", $"{is_.Node} runs generation {is_.NodeGeneration}, deployed without the master, which knows {is_.Generation}");
        if (wantedHash != is_.SpecHash && !DiffersByActive(wanted, is_))
            return ("redeploy", $"the definition differs from generation {is_.Generation}, deployed by {is_.Principal} at {is_.At}");
        if (!wanted.Active)
            return is_.AnythingRuns || wantedHash != is_.SpecHash ? ("stop", "the definition says active = false") : ("none", "stopped, as defined");
        if (wantedHash != is_.SpecHash)
            return ("start", is_.State == ServiceState.Running ? "the definition says active, and the fleet is told so" : "the definition says active, and it is stopped");
        return is_.State == ServiceState.Running ? ("none", "as defined") : ("start", $"it should run, but {is_.Detail}");
    }

    // Somebody deployed on the node itself, past the master.
    private static bool IsForeign(DeployedService is_) => is_.NodeGeneration > is_.Generation && is_.Generation > 0;

    private static bool DiffersByActive(ServiceSpec wanted, DeployedService is_)
    {
        if (wanted.Active == is_.Spec.Active)
            return false;
        var same = wanted.Clone();
        same.Active = is_.Spec.Active;
        return SpecHash.OfService(same) == is_.SpecHash;
    }

    // An absent `active` means true: shown, it is said.
    private static FieldChange Change(SpecChange c) => c.Path == "active"
        ? new FieldChange { Field = c.Path, Old = c.Old.Length > 0 ? c.Old : "true", New = c.New.Length > 0 ? c.New : "true" }
        : new FieldChange { Field = c.Path, Old = c.Old, New = c.New };

    // A start or a stop changes no definition of anybody, and an equal spec loses nothing.
    private static string Unseen(PlanEntry entry, IReadOnlyDictionary<string, ulong>? seen)
    {
        if (seen is null || entry.Generation == 0 || entry.Action is not ("redeploy" or "undeploy"))
            return "";
        var last = seen.GetValueOrDefault(entry.Service);
        if (entry.NodeGeneration > 0)
            return last == entry.NodeGeneration ? "" : $"generation {entry.NodeGeneration} was deployed on {entry.Node} without the master; this caller last saw generation {last}";
        return last == entry.Generation ? ""
            : $"generation {entry.Generation} was deployed by {entry.DeployedBy} at {entry.DeployedAt}; {(last == 0 ? "this caller has never seen it" : $"this caller last saw generation {last}")}";
    }

    private static uint Count(Plan plan, Func<PlanEntry, bool> what) => (uint)plan.Entries.Count(what);
}
