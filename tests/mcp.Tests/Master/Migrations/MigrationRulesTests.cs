using Mcp.Master.Migrations;
using Mcp.Names;
using Mcp.Placement;
using Mcp.V1;

namespace Mcp.Tests.Master.Migrations;

/// <summary>What a migration is refused for before anything acts.</summary>
public class MigrationRulesTests
{
    [Test]
    [Arguments("vega", "worker", null)]
    [Arguments("orion", "worker", "it is on orion already")]
    [Arguments("nowhere", "worker", "there is no node nowhere")]
    [Arguments("vega", "core", "it is a core service")]
    [Arguments("edge", "worker", "edge is an edge node")]
    [Arguments("sick", "worker", "sick is unhealthy")]
    [Arguments("fresh", "worker", "fresh has not been heard")]
    [Arguments("shut", "worker", "shut is cordoned")]
    [Arguments("hub", "worker", "hub is the master's node, and there are healthy workers")]
    public async Task Targets(string target, string tier, string? refusal)
    {
        var fleet = new FleetSnapshot(
            [Node("orion"), Node("vega"), Node("edge", "edge"), Node("sick", health: NodeHealth.Unhealthy), Node("fresh", health: NodeHealth.Unknown), Node("shut", cordoned: true), Node("hub", "master")],
            ScheduleOnMaster.Fallback);
        var refused = MigrationRules.Nodes(fleet, "notes", tier, "orion", target);
        if (refusal is null)
            await Assert.That(refused).IsNull();
        else
            await Assert.That(refused!.Message).Contains(refusal);
        await Assert.That(refused is null || refused.Hint is { Length: > 0 }).IsTrue();
    }

    [Test]
    [Arguments("Always", true)]
    [Arguments("Never", false)]
    [Arguments("Fallback", true)]
    public async Task The_masters_node_takes_what_the_policy_allows(string policy, bool allowed)
    {
        var fleet = new FleetSnapshot([Node("orion", health: NodeHealth.Unhealthy), Node("hub", "master")], Enum.Parse<ScheduleOnMaster>(policy));
        await Assert.That(MigrationRules.Nodes(fleet, "notes", "worker", "orion", "hub") is null).IsEqualTo(allowed);
    }

    [Test]
    public async Task A_disk_takes_the_data_and_a_tenth_at_least_64_MiB()
    {
        const ulong mib = 1024 * 1024;
        await Assert.That(MigrationRules.Room("notes", "vega", 0, 64 * mib)).IsNull();
        await Assert.That(MigrationRules.Room("notes", "vega", 1000 * mib, 1100 * mib)).IsNull();
        var refused = MigrationRules.Room("notes", "vega", 1000 * mib, 1100 * mib - 1)!;
        await Assert.That(refused.State).IsEqualTo("nothing was done");
        await Assert.That(refused.Message).Contains("1.1 GiB free, and 1.1 GiB are needed");
        await Assert.That(MigrationRules.Room("notes", "vega", ulong.MaxValue / 2, ulong.MaxValue)).IsNull();
    }

    [Test]
    public async Task The_rate_is_that_of_the_last_copy_between_the_two_nodes_else_of_the_last_one_at_all()
    {
        MigrationRow[] earlier =
        [
            Copied("orion", "vega", bytes: 1000, millis: 1),
            Copied("lyra", "vega", bytes: 400_000_000, millis: 20_000),
            Copied("orion", "vega", bytes: 400_000_000, millis: 4_000),
            Copied("orion", "vega", bytes: 400_000_000, millis: 1_000),
        ];
        await Assert.That(MigrationRules.Rate(earlier, "orion", "vega")).IsEqualTo(100_000_000UL);
        await Assert.That(MigrationRules.Rate(earlier, "vega", "orion")).IsEqualTo(20_000_000UL);
        await Assert.That(MigrationRules.Rate([earlier[0], new MigrationRow { Operation = "o", Service = "s", Source = "orion", Target = "vega", State = MigrationState.Undone, Epoch = 1 }], "orion", "vega"))
            .IsEqualTo(MigrationRules.AssumedRate);
        await Assert.That(MigrationRules.Estimate(1_000_000_000, 100_000_000)).IsEqualTo(TimeSpan.FromSeconds(15));
    }

    private static MigrationRow Copied(string source, string target, ulong bytes, long millis) => new()
    {
        Operation = "o",
        Service = "s",
        Source = source,
        Target = target,
        State = MigrationState.Done,
        Epoch = 2,
        Detail = new MigrationDetail
        {
            Trailer = new StreamTrailer { Bytes = bytes },
            // Stopping and deploying are not of the copy, nor is a step that was passed over.
            Steps =
            {
                new StepResult { Step = "stop", Success = true, Millis = 900 }, new StepResult { Step = "export", Success = true, Millis = millis / 2 },
                new StepResult { Step = "import", Success = true, Millis = millis - (millis / 2) }, new StepResult { Step = "export", Skipped = true, Success = true, Millis = 50 },
            },
        },
    };

    private static NodeView Node(string name, string role = "worker", NodeHealth health = NodeHealth.Healthy, bool cordoned = false) => new(NodeName.Parse(name), role, health, cordoned, 0, 0);
}
