using Mcp.Master.Reading;
using Mcp.V1;

namespace Mcp.Tests.Master.Reading;

/// <summary>A look at a fleet that is too large to be asked whole: what is kept, what ends it, and how old it may be.</summary>
public class KeptAnswersTests
{
    private const int Many = FleetObservation.AskedAlways + 18;

    [Test]
    public async Task A_small_fleet_is_asked_whole_at_every_look()
    {
        using var fleet = await StandingAsync(FleetObservation.AskedAlways);
        await LookAsync(fleet);
        await Assert.That((await LookAsync(fleet)).Count).IsEqualTo(FleetObservation.AskedAlways);
    }

    [Test]
    public async Task Of_a_large_one_only_the_nodes_that_were_not_asked_for_the_longest_are_asked()
    {
        using var fleet = await StandingAsync(Many);
        var first = await LookAsync(fleet);
        await Assert.That(first.Count).IsEqualTo(FleetObservation.AskedAlways);
        await fleet.SecondAsync();
        // The others are older now than those.
        var second = await LookAsync(fleet);
        await Assert.That(second.Count).IsEqualTo(FleetObservation.AskedAlways);
        await Assert.That(fleet.Nodes.Keys.Except(first).Except(second)).IsEmpty();
    }

    [Test]
    public async Task A_node_that_moved_is_asked_and_shown_as_it_is_whatever_it_said_before()
    {
        using var fleet = await StandingAsync(Many);
        fleet.Place("memos", "n49");
        await LookAsync(fleet);
        await fleet.SecondAsync();
        var asked = await LookAsync(fleet);
        var quiet = fleet.Nodes.Keys.Except(asked).First();
        fleet.Place("notes", quiet);
        fleet.Nodes[quiet].Containers["notes"] = "exited";
        fleet.Kept.Moved(quiet);
        await Assert.That((await LookAsync(fleet)).Contains(quiet)).IsTrue();
        await Assert.That((await StatusAsync(fleet)).Services.Single(s => s.Name == "notes").Status).IsEqualTo("stopped");
    }

    [Test]
    public async Task What_moves_while_a_node_is_asked_ends_its_answer()
    {
        using var fleet = await StandingAsync(Many);
        fleet.WhileAsked = node => fleet.Kept.Moved(node);
        var asked = await LookAsync(fleet);
        fleet.WhileAsked = _ => { };
        await fleet.SecondAsync();
        // They are asked again, although others were not asked for longer.
        await Assert.That(await LookAsync(fleet)).IsEquivalentTo(asked);
    }

    [Test]
    public async Task Without_a_line_that_stands_nothing_is_kept_and_no_answer_grows_older_than_a_heartbeat()
    {
        using var fleet = await StandingAsync(Many);
        await LookAsync(fleet);
        fleet.Nodes["n49"].Line.TrySetResult();
        await fleet.SecondAsync();
        await LookAsync(fleet);
        await fleet.SecondAsync();
        // Its line is open again, but not for long enough to know that it stands.
        await Assert.That(await LookAsync(fleet)).Contains("n49");
        await Assert.That(fleet.Kept.Find("n48")).IsNotNull();
        for (var i = 0; i < KeptAnswers.Longest.TotalSeconds; i++)
            fleet.Clock.Advance(TimeSpan.FromSeconds(1));
        await Assert.That(fleet.Kept.Find("n48")).IsNull();
    }

    [Test]
    public async Task A_silent_node_is_unknown_whatever_it_said_before_and_one_service_alone_is_always_looked_at_anew()
    {
        using var fleet = await StandingAsync(Many);
        fleet.Place("memos", "n49");
        await LookAsync(fleet);
        await fleet.SecondAsync();
        await LookAsync(fleet);
        fleet.Nodes["n49"].Containers["memos"] = "exited";
        await Assert.That((await fleet.Status.StatusAsync(new StatusRequest { ServiceName = "memos" }, CancellationToken.None)).Services.Single().Status).IsEqualTo("stopped");
        fleet.Nodes["n49"].IsDown = true;
        fleet.Board.Failed("n49", "no answer");
        var status = await StatusAsync(fleet);
        await Assert.That(status.Services.Single().Status).IsEqualTo("unknown");
        await Assert.That(status.Nodes.Single(n => n.Name == "n49").ObservedAt).IsEqualTo("");
        await Assert.That(status.Nodes.Single(n => n.Name == "n48").ObservedAt).IsNotEqualTo("");
    }

    [Test]
    public async Task Every_change_that_the_master_makes_on_a_node_ends_what_the_node_said()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("orion");
        var kept = bench.Host.Parts.KeptAnswers;
        var moves = kept.MovesOf("orion");
        await bench.DeployAsync(MasterBench.Spec("memos"));
        // As it begins, and before whoever asked for it hears of its end.
        await Assert.That(kept.MovesOf("orion")).IsGreaterThanOrEqualTo(moves + 2);
        moves = kept.MovesOf("orion");
        await bench.Admin.StopAsync(new LifecycleRequest { ServiceName = "memos" }, MasterBench.Operation());
        await Assert.That(kept.MovesOf("orion")).IsGreaterThanOrEqualTo(moves + 2);
    }

    /// <summary>A fleet whose lines have stood for long enough.</summary>
    private static async Task<SimulatedFleet> StandingAsync(int nodes)
    {
        var fleet = new SimulatedFleet([.. Enumerable.Range(0, nodes).Select(i => $"n{i:00}")]);
        for (var i = 0; i < 25; i++)
            await fleet.SecondAsync();
        return fleet;
    }

    /// <summary>One look; returns the nodes that were asked for it.</summary>
    private static async Task<List<string>> LookAsync(SimulatedFleet fleet)
    {
        fleet.Asked.Clear();
        await StatusAsync(fleet);
        return [.. fleet.Asked];
    }

    private static Task<StatusResponse> StatusAsync(SimulatedFleet fleet) => fleet.Status.StatusAsync(new StatusRequest(), CancellationToken.None);
}
