using Mcp.Alerts;
using Mcp.Master.Reading;
using Mcp.V1;

namespace Mcp.Tests.Master.Reading;

public class FindingLedgerTests
{
    [Test]
    public async Task A_silent_nodes_services_are_unknown_never_absent()
    {
        using var fleet = new SimulatedFleet("orion", "vega");
        fleet.Place("notes", "orion");
        fleet.Nodes["orion"].IsDown = true;
        await PassAsync(fleet, 300);
        await Assert.That(fleet.Events).IsEquivalentTo(["+node unhealthy orion"]);
        var status = await fleet.Status.StatusAsync(new StatusRequest(), CancellationToken.None);
        await Assert.That(status.Services.Single().Status).IsEqualTo("unknown");
        await Assert.That(status.Findings.Select(f => f.Kind)).IsEquivalentTo(["node unhealthy"]);
    }

    [Test]
    public async Task What_was_wrong_when_a_node_fell_silent_stays_open_and_shown_until_it_can_be_judged()
    {
        using var fleet = new SimulatedFleet("orion");
        fleet.Place("notes", "orion");
        fleet.Nodes["orion"].Containers["notes"] = "exited";
        await PassAsync(fleet, 100);
        await Assert.That(fleet.Events).IsEquivalentTo(["+stale orion notes"]);
        fleet.Nodes["orion"].IsDown = true;
        fleet.Nodes["orion"].Line.TrySetResult();
        await PassAsync(fleet, 300);
        await Assert.That(fleet.Events).IsEquivalentTo(["+stale orion notes", "+node unhealthy orion"]);
        await Assert.That((await fleet.Status.StatusAsync(new StatusRequest(), CancellationToken.None)).Findings.Select(f => f.Kind)).Contains("stale");
        fleet.Nodes["orion"].IsDown = false;
        fleet.Nodes["orion"].Containers["notes"] = "running";
        await PassAsync(fleet, 300);
        await Assert.That(fleet.Events).IsEquivalentTo(["+stale orion notes", "+node unhealthy orion", "-stale orion notes", "-node unhealthy orion"]);
    }

    [Test]
    [Arguments(true)]
    [Arguments(false)]
    public async Task A_link_that_works_in_one_direction_is_one_finding_that_names_the_other(bool deaf)
    {
        using var fleet = new SimulatedFleet("orion", "vega");
        fleet.Place("notes", "orion");
        await PassAsync(fleet, 60);
        var orion = fleet.Nodes["orion"];
        (orion.IsDeaf, orion.IsMute) = (deaf, !deaf);
        if (deaf)
            orion.Line.TrySetResult();
        await PassAsync(fleet, 900);
        var finding = (await fleet.Status.StatusAsync(new StatusRequest(), CancellationToken.None)).Findings.Single();
        await Assert.That((finding.Kind, finding.Message.Contains(deaf ? "master → agent is broken" : "agent → master is broken", StringComparison.Ordinal))).IsEqualTo(("node unhealthy", true));
        (orion.IsDeaf, orion.IsMute) = (false, false);
        await PassAsync(fleet, 300);
        await Assert.That(fleet.Events).IsEquivalentTo(["+node unhealthy orion", "-node unhealthy orion"]);
    }

    [Test]
    public async Task The_time_of_a_finding_is_when_it_opened_also_after_a_restart()
    {
        using var fleet = new SimulatedFleet("orion");
        fleet.Place("notes", "orion");
        await PassAsync(fleet, 100);
        fleet.Nodes["orion"].Containers["notes"] = "exited";
        var from = fleet.Clock.GetUtcNow();
        await PassAsync(fleet, 200);
        var since = Mcp.Text.Timestamp.Read((await fleet.Status.StatusAsync(new StatusRequest(), CancellationToken.None)).Findings.Single().Since)!.Value;
        await Assert.That(since >= from && since <= from.AddSeconds(61)).IsTrue();
        fleet.StartMaster();
        await PassAsync(fleet, 200);
        var finding = (await fleet.Status.StatusAsync(new StatusRequest(), CancellationToken.None)).Findings.Single();
        await Assert.That(Mcp.Text.Timestamp.Read(finding.Since)).IsEqualTo(since);
        await Assert.That(fleet.Alerts).IsEquivalentTo(["+stale orion notes"]);
    }

    [Test]
    public async Task No_node_is_unhealthy_before_the_first_round_has_probed_it()
    {
        using var fleet = new SimulatedFleet("orion", "vega");
        await PassAsync(fleet, 2);
        await Assert.That((await fleet.Status.StatusAsync(new StatusRequest(), CancellationToken.None)).Findings).IsEmpty();
        await PassAsync(fleet, 200);
        await Assert.That(fleet.Alerts).IsEmpty();
    }

    [Test]
    public async Task A_noticed_finding_is_told_once_and_its_end_once()
    {
        using var fleet = new SimulatedFleet("orion");
        fleet.Database.Write(c => FindingStore.Open(c, Clone(fleet)));
        await PassAsync(fleet, 130);
        fleet.Database.Write(c => FindingStore.Open(c, Clone(fleet)));
        await PassAsync(fleet, 130);
        await Assert.That(fleet.Alerts).IsEquivalentTo(["+cloned identity orion"]);
        // Nobody came again under that name for ten minutes.
        await PassAsync(fleet, 700);
        await Assert.That(fleet.Alerts).IsEquivalentTo(["+cloned identity orion", "-cloned identity orion"]);
        await Assert.That(fleet.Database.Read(FindingStore.Rows)).IsEmpty();
    }

    [Test]
    public async Task Most_clocks_wrong_in_the_same_way_are_the_masters()
    {
        using var fleet = new SimulatedFleet("orion", "vega", "lyra");
        foreach (var node in fleet.Nodes.Values)
            node.Skew = TimeSpan.FromHours(-1);
        await PassAsync(fleet, 120);
        await Assert.That(fleet.Events).IsEquivalentTo(["+clock skew"]);
        var finding = (await fleet.Status.StatusAsync(new StatusRequest(), CancellationToken.None)).Findings.Single();
        await Assert.That((finding.Node, finding.Message.Contains("60 min behind", StringComparison.Ordinal))).IsEqualTo(("", true));
    }

    [Test]
    public async Task The_alert_command_gets_one_document_when_a_finding_opens_and_one_when_it_closes()
    {
        using var fleet = new SimulatedFleet("orion");
        fleet.Place("notes", "orion");
        var settings = new AlertSettings { Command = ["tell-me"], Cooldown = TimeSpan.FromMinutes(15), Fleet = "fleet.example" };
        var book = new AlertBook(fleet.Database, settings, fleet.Clock);
        fleet.Told = changes => new FindingAlerts(book).Tell(changes);
        fleet.Nodes["orion"].Containers["notes"] = "exited";
        await PassAsync(fleet, 200);
        var opened = book.Next().Due!;
        await Assert.That((opened.State, opened.Document.Kind, opened.Document.Service)).IsEqualTo(("opened", "stale", "notes"));
        book.Sent(opened);
        await Assert.That(book.Next().Due).IsNull();
        // A master that comes back has told it already.
        book = new AlertBook(fleet.Database, settings, fleet.Clock);
        fleet.StartMaster();
        await PassAsync(fleet, 200);
        await Assert.That(book.Next().Due).IsNull();
        fleet.Nodes["orion"].Containers["notes"] = "running";
        await PassAsync(fleet, 200);
        var closed = book.Next().Due!;
        await Assert.That((closed.State, closed.Document.Kind)).IsEqualTo(("closed", "stale"));
        book.Sent(closed);
        await PassAsync(fleet, 200);
        await Assert.That(book.Next().Due).IsNull();
    }

    private static async Task PassAsync(SimulatedFleet fleet, int seconds)
    {
        for (var i = 0; i < seconds; i++)
            await fleet.SecondAsync();
    }

    private static Finding Clone(SimulatedFleet fleet) => new()
    {
        Kind = "cloned identity",
        Severity = "error",
        Node = "orion",
        Message = "a second agent",
        Command = "stop one",
        Since = Mcp.Text.Timestamp.Now(fleet.Clock),
    };
}
