using Mcp.Names;
using Mcp.Placement;
using Mcp.V1;

namespace Mcp.Tests.Placement;

/// <summary>Tables: a fleet is written as "name:role:health:placed/reported" with "c" for cordoned; the answer is a node or a part of the reason.</summary>
public class PlacerTests
{
    private const string Fleet = "hub:master:ok:1/1 ant:worker:ok:3/3 bee:worker:ok:2/5 cat:worker:ok:3/1 rim:edge:ok:0/0";

    [Test]
    [Arguments(Fleet, "worker", "", "", "ant", "the fewest containers, ties by name; the larger of placed and reported counts")]
    [Arguments(Fleet, "core", "", "", "hub", "core goes to the master's node")]
    [Arguments(Fleet, "worker", "cat", "", "cat", "a pin wins over load")]
    [Arguments(Fleet, "core", "cat", "", "cat", "a pin overrides the tier")]
    [Arguments(Fleet, "worker", "", "bee:worker", "bee", "the data wins over load")]
    [Arguments(Fleet, "worker", "bee", "bee:worker", "bee", "a pin that agrees with the data")]
    [Arguments(Fleet, "worker", "", "hub:worker", "hub", "a worker service that fell back to the master's node stays")]
    [Arguments("hub:master:ok:0/0 ant:worker:down:0/0", "worker", "", "", "hub", "fallback when no worker is healthy")]
    [Arguments("hub:master:ok:0/0 ant:worker:ok:9/9c", "worker", "", "", "hub", "fallback when all workers are cordoned")]
    [Arguments("ant:worker:ok:9/9c", "worker", "ant", "", "ant", "a pin goes to a cordoned node: the operator named it")]
    [Arguments("ant:worker:ok:9/9c", "worker", "", "ant:worker", "ant", "a redeploy goes to a cordoned node")]
    public async Task Chooses(string fleet, string tier, string pin, string data, string expected, string because)
    {
        var decision = Placer.Choose(Parse(fleet), Spec(tier, pin), Data(data));
        await Assert.That(decision.Node?.Value).IsEqualTo(expected).Because(because);
    }

    [Test]
    [Arguments(Fleet, "worker", "rim", "", "edge", "mcp node list")]
    [Arguments(Fleet, "worker", "nix", "", "not a node", "mcp node list")]
    [Arguments("ant:worker:down:0/0", "worker", "ant", "", "unhealthy", "mcp node list")]
    [Arguments("ant:worker:ok:0/0", "core", "", "", "role master", "mcp node add")]
    [Arguments(Fleet, "worker", "ant", "bee:worker", "the data of notes is on bee", "mcp migrate notes --to ant")]
    [Arguments(Fleet, "core", "", "bee:worker", "the data of notes is on bee", "mcp migrate notes --to hub")]
    [Arguments(Fleet, "worker", "", "hub:core", "tier \"core\"", "mcp migrate notes --to <worker>")]
    [Arguments("ant:worker:ok:0/0 bee:worker:down:0/0", "worker", "", "bee:worker", "would lose it", "--fresh")]
    [Arguments("ant:worker:ok:0/0", "worker", "", "gone:worker", "not a node of the fleet any more", "--fresh")]
    [Arguments("", "worker", "", "", "no node yet", "mcp node add")]
    public async Task Refuses_with_the_next_command(string fleet, string tier, string pin, string data, string why, string hint)
    {
        var decision = Placer.Choose(Parse(fleet), Spec(tier, pin), Data(data));
        await Assert.That(decision.Node).IsNull();
        await Assert.That(decision.Why + string.Concat(decision.Refusals.Select(r => r.Reason))).Contains(why);
        await Assert.That(decision.Hint).Contains(hint);
    }

    [Test]
    public async Task A_fleet_without_a_place_names_every_node_and_its_reason()
    {
        var decision = Placer.Choose(Parse("hub:master:ok:0/0 ant:worker:down:0/0 bee:worker:unknown:0/0 cat:worker:ok:0/0c rim:edge:ok:0/0", ScheduleOnMaster.Never), Spec("worker", ""), null);
        await Assert.That(decision.Node).IsNull();
        await Assert.That(decision.Refusals.Select(r => r.Node.Value)).IsEquivalentTo(["ant", "bee", "cat", "hub", "rim"]);
    }

    [Test]
    public async Task Always_makes_the_master_node_a_worker_like_any()
    {
        var decision = Placer.Choose(Parse(Fleet, ScheduleOnMaster.Always), Spec("worker", ""), null);
        await Assert.That(decision.Node?.Value).IsEqualTo("hub");
    }

    private static ServiceSpec Spec(string tier, string pin) => new() { Name = "notes", Tier = tier, Node = pin };

    private static DataLocation? Data(string text) =>
        text.Split(':') is [var node, var tier] ? new DataLocation(NodeName.Parse(node), tier) : null;

    private static FleetSnapshot Parse(string text, ScheduleOnMaster policy = ScheduleOnMaster.Fallback) => new(
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(node =>
        {
            var parts = node.Split(':');
            var load = parts[3].TrimEnd('c').Split('/');
            return new NodeView(
                NodeName.Parse(parts[0]), parts[1],
                parts[2] switch { "ok" => NodeHealth.Healthy, "down" => NodeHealth.Unhealthy, _ => NodeHealth.Unknown },
                parts[3].EndsWith('c'), int.Parse(load[0]), int.Parse(load[1]));
        })],
        policy);
}
