using Mcp.Placement;
using Mcp.Planning;
using static Mcp.Tests.Planning.PlanBench;

namespace Mcp.Tests.Planning;

/// <summary>The same fleet and directory give the same id; any move gives another, and can be named.</summary>
internal sealed class PlanIdTests
{
    private static PlanBench Bench() => new PlanBench { Desired = { Spec("new") }, Deployed = { Running(Spec("gone")), Stopped(Spec("idle")), Silent(Spec("far"), "vega") } }.Both(Spec("notes"));

    public static IEnumerable<Func<(string What, Action<PlanBench> Move, string Told)>> Moves()
    {
        (string, Action<PlanBench>, string)[] moves =
        [
            ("a definition changed", b => b.Desired[1] = Spec("notes", s => s.Components[0].User = "1"), "notes: its definition changed"),
            ("a definition came", b => b.Desired.Add(Spec("zoo")), "zoo: a definition was added"),
            ("a definition went", b => b.Desired.RemoveAt(1), "notes: its definition is gone"),
            ("somebody deployed", b => b.Deployed[3] = Running(Spec("notes"), generation: 2) with { Principal = "human/bob" }, "notes: generation 2, then 1: deployed by human/bob at 2026-04-01T00:00:00Z"),
            ("somebody undeployed", b => b.Deployed.RemoveAt(0), "gone: it is no longer deployed"),
            ("somebody undeployed what is defined", b => b.Deployed.RemoveAt(3), "notes: it was undeployed"),
            ("somebody stopped it", b => b.Deployed[3] = Stopped(Spec("notes", s => s.Active = false)), "notes: it was started or stopped; stopped now, running then"),
            ("it died", b => b.Deployed[3] = Stopped(Spec("notes")), "notes: stopped now, running then"),
            ("its node went silent", b => b.Deployed[3] = Silent(Spec("notes")), "notes: unknown now, running then"),
            ("a node came back", b => b.Deployed[2] = Running(Spec("far"), "vega"), "far: running now, unknown then"),
            ("its data moved", b => b.Deployed[3] = Running(Spec("notes")) with { Epoch = 2 }, "notes: its data is in epoch 2, then 1"),
            ("it moved", b => b.Deployed[3] = Running(Spec("notes"), "vega"), "notes: it is on vega, then orion"),
            ("a node was cordoned", b => b.Fleet = new FleetSnapshot([Node("orion", cordoned: true), Node("vega")], ScheduleOnMaster.Never), "new: it would go to vega, then orion"),
            ("a name was taken", b => b.Desired[0] = Routed("new", "wiki." + Zone), "new: its definition changed; it is refused now"),
        ];
        return moves.Select<(string, Action<PlanBench>, string), Func<(string, Action<PlanBench>, string)>>(m => () => m);
    }

    [Test]
    [MethodDataSource(nameof(Moves))]
    public async Task Any_move_gives_another_id_and_is_named(string what, Action<PlanBench> move, string told)
    {
        var before = Bench().Plan();
        var bench = Bench();
        move(bench);
        var after = bench.Plan();
        await Assert.That(after.Id).IsNotEqualTo(before.Id).Because(what);
        await Assert.That(PlanDifference.Between(before, after).Single()).StartsWith(told);
    }

    [Test]
    public async Task Nothing_that_only_counts_or_tells_the_time_is_in_the_id()
    {
        var before = Bench().Plan();
        await Assert.That(Bench().Plan().Id).IsEqualTo(before.Id);
        var bench = Bench();
        bench.Deployed[3] = bench.Deployed[3] with { At = "2027-01-01T00:00:00Z", Principal = "human/carol", Remark = "notes is unhealthy", Detail = "" };
        bench.Deployed[2] = bench.Deployed[2] with { Detail = "vega cannot be asked: another reason" };
        bench.Desired.Reverse();
        bench.Deployed.Reverse();
        var after = bench.Plan();
        await Assert.That(after.Id).IsEqualTo(before.Id);
        await Assert.That(PlanDifference.Between(before, after)).IsEmpty();
    }
}
