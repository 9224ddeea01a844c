using Mcp.Placement;
using Mcp.Planning;
using Mcp.V1;
using static Mcp.Tests.Planning.PlanBench;

namespace Mcp.Tests.Planning;

/// <summary>One row each: what is wished, what is seen, what the plan says.</summary>
internal sealed class PlannerTests
{
    private static readonly ServiceSpec V1 = Spec("notes");
    private static readonly ServiceSpec V2 = Spec("notes", s => s.Components[0].Image = "registry.example.net/app:v2");
    private static readonly ServiceSpec Off = Spec("notes", s => s.Active = false);
    private static readonly ServiceSpec OffV2 = Spec("notes", s => (s.Active, s.Components[0].Image) = (false, "registry.example.net/app:v2"));

    public static IEnumerable<Func<(string Row, ServiceSpec? Wished, DeployedService? Seen, string Action, string Why, bool Interrupts)>> Rows()
    {
        (string, ServiceSpec?, DeployedService?, string, string, bool)[] rows =
        [
            ("new", V1, null, "deploy", "new: the fewest containers", false),
            ("as defined", V1, Running(V1), "none", "as defined", false),
            ("changed", V2, Running(V1), "redeploy", "differs from generation 1, deployed by human/alice at 2026-04-01", true),
            ("changed while stopped", V2, Stopped(V1), "redeploy", "differs", false),
            ("gone from the directory", null, Running(V1), "undeploy", "no definition of it; its data stays", true),
            ("gone, and stopped", null, Stopped(V1), "undeploy", "no definition", false),
            ("exited", V1, Stopped(V1), "start", "it should run, but notes is exited (exit code 1)", false),
            ("wished stopped", Off, Running(V1), "stop", "active = false", true),
            ("wished stopped and is, but the fleet does not know the wish", Off, Stopped(V1), "stop", "active = false", false),
            ("stopped as defined", Off, Stopped(Off), "none", "stopped, as defined", false),
            ("started by hand", Off, Running(Off), "stop", "active = false", true),
            ("wished running", V1, Stopped(Off), "start", "active", false),
            ("changed and wished stopped", OffV2, Running(V1), "redeploy", "differs", true),
            ("first deploy not confirmed", V1, Running(V1) with { Pending = true, Generation = 0 }, "deploy", "first deploy on orion was not confirmed", false),
            ("deployed past the master", V1, Running(V1) with { NodeGeneration = 4 }, "redeploy", "orion runs generation 4, deployed without the master, which knows 1", true),
            ("silent node", V1, Silent(V1), "unknown", "orion cannot be asked", false),
            ("silent node, changed", V2, Silent(V1), "unknown", "orion cannot be asked", false),
            ("silent node, gone from the directory", null, Silent(V1), "unknown", "orion cannot be asked", false),
            ("silent node, wished stopped", Off, Silent(V1), "unknown", "orion cannot be asked", false),
        ];
        return rows.Select<(string, ServiceSpec?, DeployedService?, string, string, bool), Func<(string, ServiceSpec?, DeployedService?, string, string, bool)>>(r => () => r);
    }

    [Test]
    [MethodDataSource(nameof(Rows))]
    public async Task Says(string row, ServiceSpec? wished, DeployedService? seen, string action, string why, bool interrupts)
    {
        var bench = new PlanBench();
        if (wished is not null)
            bench.Desired.Add(wished);
        if (seen is not null)
            bench.Deployed.Add(seen);
        var plan = bench.Plan();
        var entry = plan.Entries.Single();
        await Assert.That(entry.Action).IsEqualTo(action).Because(row);
        await Assert.That(entry.Why).Contains(why).Because(row);
        await Assert.That(entry.Interrupts).IsEqualTo(interrupts).Because(row);
        await Assert.That(plan.Changes).IsEqualTo(action is "none" or "unknown" ? 0u : 1u);
        await Assert.That(plan.Unknown).IsEqualTo(action == "unknown" ? 1u : 0u);
        await Assert.That(plan.Removals).IsEqualTo(action == "undeploy" ? 1u : 0u);
    }

    [Test]
    public async Task Changes_are_told_field_by_field_and_values_of_the_environment_as_hashes()
    {
        var bench = new PlanBench { Deployed = { Running(Spec("notes", s => s.Components[0].Env.Add("PASSWORD=swordfish"))) } };
        bench.Desired.Add(Spec("notes", s => (s.Active, s.Components[0].Image, s.Components[0].Env.Capacity) = (false, "registry.example.net/app:v2", 1)));
        bench.Desired[0].Components[0].Env.Add("PASSWORD=opensesame");
        var changes = bench.Entry("notes").Changes;
        await Assert.That(changes.Select(c => c.Field)).IsEquivalentTo(["active", "components.notes.image", "components.notes.env.PASSWORD"]);
        await Assert.That(changes.Single(c => c.Field == "active")).IsEqualTo(new FieldChange { Field = "active", Old = "true", New = "false" });
        await Assert.That(changes.Single(c => c.Field == "components.notes.image")).IsEqualTo(new FieldChange { Field = "components.notes.image", Old = "registry.example.net/app:v1", New = "registry.example.net/app:v2" });
        await Assert.That(changes.Single(c => c.Field.EndsWith("PASSWORD", StringComparison.Ordinal)).New).Matches("^sha256:[0-9a-f]{8}$");
    }

    [Test]
    [Arguments("hostname", false)]
    [Arguments("health", false)]
    [Arguments("snapshot", false)]
    [Arguments("pin where it is", false)]
    [Arguments("another component", false)]
    [Arguments("container port", true)]
    [Arguments("user", true)]
    [Arguments("component removed", true)]
    public async Task What_the_containers_are_not_made_of_interrupts_nothing(string what, bool interrupts)
    {
        static ServiceSpec Base() => Spec("notes", s =>
        {
            s.Components[0].Routes.Add(new RouteSpec { Name = "web", Port = 8443, Mode = "l7", Hostname = "notes.example.org", ContainerPort = 80 });
            s.Components.Add(new ComponentSpec { Name = "job", Image = "x:1" });
        });
        var changed = Base();
        switch (what)
        {
            case "hostname": changed.Components[0].Routes[0].Hostname = "other.example.org"; break;
            case "health": changed.Components[0].Health = new HealthSpec { Type = "tcp", Port = 80 }; break;
            case "snapshot": changed.Snapshot = new SnapshotConfig { Method = "full" }; break;
            case "pin where it is": changed.Node = "orion"; break;
            case "another component": changed.Components.Add(new ComponentSpec { Name = "more", Image = "x:1" }); break;
            case "container port": changed.Components[0].Routes[0].ContainerPort = 81; break;
            case "user": changed.Components[0].User = "1"; break;
            default: changed.Components.RemoveAt(1); break;
        }
        var bench = new PlanBench { Desired = { Mcp.Definitions.SpecBuilder.Complete(changed) }, Deployed = { Running(Base()) } };
        var entry = bench.Entry("notes");
        await Assert.That((entry.Action, entry.Interrupts, entry.Refusal is null)).IsEqualTo(("redeploy", interrupts, true));
    }

    [Test]
    public async Task Removals_are_counted_and_core_ones_apart()
    {
        var bench = new PlanBench { Deployed = { Running(Spec("registry", s => s.Tier = "core"), "hub"), Running(Spec("old")), Silent(Spec("far")), Running(V1) }, Desired = { V1 } };
        var plan = bench.Plan();
        await Assert.That((plan.Removals, plan.CoreRemovals, plan.Changes, plan.Unknown, plan.Refused)).IsEqualTo((2u, 1u, 2u, 1u, 0u));
        bench.Only.Add("notes");
        plan = bench.Plan();
        await Assert.That((plan.Removals, plan.Entries.Single().Service)).IsEqualTo((0u, "notes")).Because("a plan of named services removes no other");
    }

    [Test]
    public async Task New_services_spread_as_ten_deploys_in_a_row_would()
    {
        var bench = new PlanBench();
        for (var i = 0; i < 6; i++)
            bench.Desired.Add(Spec($"s{i}"));
        await Assert.That(string.Join(' ', bench.Plan().Entries.Select(e => e.Node))).IsEqualTo("orion vega orion vega orion vega");
    }

    [Test]
    public async Task What_a_deploy_would_refuse_is_in_the_plan()
    {
        var bench = new PlanBench { Deployed = { Running(V1) }, Desired = { Spec("notes", s => s.Node = "vega") } };
        await Assert.That(bench.Entry("notes").Refusal!.Hint).IsEqualTo("mcp migrate notes --to vega");
        bench.Desired[0] = Spec("notes", s => s.Tier = "core");
        await Assert.That(bench.Entry("notes").Refusal!.Hint).IsEqualTo("mcp migrate notes --to hub");
        bench.Desired[0] = V2;
        bench.Fleet = new FleetSnapshot([Node("orion", health: NodeHealth.Unhealthy), Node("vega")], ScheduleOnMaster.Never);
        var entry = bench.Entry("notes");
        await Assert.That(entry.Action).IsEqualTo("redeploy").Because("a node that answers, although its heartbeats do not arrive, is not unknown");
        await Assert.That(entry.Refusal!.What).Contains("unhealthy");
        bench.Desired[0] = Off;
        await Assert.That(bench.Entry("notes").Refusal!.What).IsEqualTo("stop of notes: orion is unhealthy");
        bench.Deployed.Clear();
        bench.Data["notes"] = new DataPlace("orion", 3, "worker");
        await Assert.That(bench.Entry("notes").Refusal!.What).Contains("an empty start elsewhere would lose it");
        bench.Data.Clear();
        bench.Desired[0] = Routed("notes", "notes.evilexample.net").Clone();
        bench.Desired[0].Components[0].Routes[0].Public = true;
        await Assert.That(bench.Entry("notes").Refusal!.Cause).IsEqualTo("allowed: example.org");
        bench.Desired[0] = Routed("notes", "wiki." + Zone);
        await Assert.That(bench.Entry("notes").Refusal!.What).Contains("lies in the internal zone");
        bench.Deployed.Add(Running(bench.Desired[0]) with { SpecHash = "another" });
        bench.Data["notes"] = new DataPlace("vega", 4, "worker");
        await Assert.That(bench.Entry("notes").Refusal!.What).Contains("but vega holds its data in epoch 4");
        await Assert.That((bench.Plan().Changes, bench.Plan().Refused)).IsEqualTo((1u, 1u));
    }

    [Test]
    public async Task An_undeployed_service_goes_back_to_its_data()
    {
        var bench = new PlanBench { Desired = { V1 }, Data = { ["notes"] = new DataPlace("vega", 3, "worker") } };
        var entry = bench.Entry("notes");
        await Assert.That((entry.Node, entry.Why, entry.Epoch)).IsEqualTo(("vega", "it was undeployed; its data is on vega", 3UL));
    }

    [Test]
    public async Task Two_definitions_cannot_ask_for_one_name()
    {
        var bench = new PlanBench { Desired = { Routed("notes", "n.example.org"), Routed("wiki", "n.example.org") } };
        await Assert.That(bench.Plan().Refused).IsEqualTo(2u);
        await Assert.That(bench.Entry("notes").Refusal!.What).IsEqualTo("both notes and wiki ask for n.example.org:8443 in this plan");
        bench.Deployed.Add(Running(Routed("wiki", "n.example.org")));
        await Assert.That(bench.Entry("wiki").Action).IsEqualTo("none");
        await Assert.That(bench.Entry("notes").Refusal!.What).IsEqualTo("n.example.org:8443 belongs to the service wiki (route web)");
        bench.Desired[0] = Routed("notes", "n.example.org", port: 443);
        await Assert.That(bench.Plan().Refused).IsEqualTo(0u).Because("another listener is another name");

        bench = new PlanBench { Desired = { Spec("a-b", s => s.Components[0].Name = "c"), Spec("a", s => s.Components[0].Name = "b-c") } };
        await Assert.That(bench.Entry("a").Refusal!.What).IsEqualTo("both a and a-b ask for the container a-b-c in this plan");
    }

    [Test]
    public async Task A_name_changes_hands_only_after_it_was_given_up()
    {
        var bench = new PlanBench { Deployed = { Running(Routed("old", "n.example.org")) }, Desired = { Routed("new", "n.example.org") } };
        var plan = bench.Plan();
        await Assert.That(plan.Refused).IsEqualTo(0u);
        await Assert.That(Order(plan)).IsEqualTo("old | new").Because("the removal that somebody waits for goes first");

        bench.Desired.Add(Routed("old", "o.example.org"));
        await Assert.That(Order(bench.Plan())).IsEqualTo("old | new");

        bench.Deployed.Add(Running(Routed("new", "o.example.org")));
        plan = bench.Plan();
        await Assert.That(plan.Refused).IsEqualTo(2u).Because("they would have to swap their names");
        await Assert.That(Order(plan)).IsEqualTo("");

        bench = new PlanBench { Deployed = { Silent(Routed("old", "n.example.org")) }, Desired = { Routed("new", "n.example.org") } };
        await Assert.That(bench.Entry("new").Refusal!.What).Contains("belongs to the service old").Because("nothing is done to what is unknown, so it gives nothing up");
    }

    [Test]
    public async Task Core_goes_first_and_removals_last()
    {
        var bench = new PlanBench
        {
            Deployed = { Running(Spec("b-old")), Running(Spec("registry", s => s.Tier = "core"), "hub"), Running(V1) },
            Desired = { Spec("a"), V2, Spec("registry", s => (s.Tier, s.Components[0].User) = ("core", "1")), Spec("z", s => s.Tier = "core") },
        };
        await Assert.That(Order(bench.Plan())).IsEqualTo("registry z | a notes | b-old");
    }

    [Test]
    public async Task What_the_caller_has_not_seen_is_named_and_an_equal_spec_loses_nothing()
    {
        var bench = new PlanBench { Deployed = { Running(V1, generation: 3), Running(Spec("wiki"), generation: 2), Running(Spec("same"), generation: 9) }, Desired = { V2, Spec("same") }, Seen = new() { ["notes"] = 2 } };
        var plan = bench.Plan();
        await Assert.That(plan.Unseen).IsEqualTo(2u);
        await Assert.That(bench.Entry("notes").Unseen).IsEqualTo("generation 3 was deployed by human/alice at 2026-04-01T00:00:00Z; this caller last saw generation 2");
        await Assert.That(bench.Entry("wiki").Unseen).Contains("has never seen it");
        bench.Seen = new() { ["notes"] = 3, ["wiki"] = 2 };
        await Assert.That(bench.Plan().Unseen).IsEqualTo(0u);
        bench.Seen = null;
        await Assert.That(bench.Plan().Unseen).IsEqualTo(0u);
        await Assert.That(bench.Plan().Id).IsEqualTo(plan.Id).Because("what a caller saw is no part of the fleet");
    }

    private static string Order(Plan plan) => string.Join(" | ", PlanOrder.Waves(plan).Select(w => string.Join(' ', w.Select(e => e.Service))));
}
