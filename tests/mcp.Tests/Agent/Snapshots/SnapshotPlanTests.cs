using Mcp.Agent.Snapshots;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Tests.Agent.Snapshots;

public class SnapshotPlanTests
{
    [Test]
    [Arguments("", null, true)]
    [Arguments("full", null, false)]
    [Arguments("grpc", SnapshotMethodKind.Grpc, false)]
    [Arguments("cli", SnapshotMethodKind.Cli, false)]
    [Arguments("exec: dump --all", SnapshotMethodKind.Exec, false)]
    public async Task The_method_decides_what_is_asked_and_what_is_taken(string method, object? asked, bool essentials)
    {
        var plan = SnapshotPlan.Of(Spec(method), "snapshot", _ => true);
        await Assert.That(plan.Ask?.Kind).IsEqualTo((SnapshotMethodKind?)asked);
        await Assert.That(plan.Essentials).IsEqualTo(essentials);
        await Assert.That(plan.Excludes).IsEquivalentTo(["layers/"]);
    }

    [Test]
    [Arguments("grpc")]
    [Arguments("cli")]
    [Arguments("exec: dump")]
    public async Task A_container_that_does_not_run_is_not_asked_and_its_folder_is_taken_whole(string method)
    {
        var plan = SnapshotPlan.Of(Spec(method), "snapshot", _ => false);
        await Assert.That(plan.Ask).IsNull();
        await Assert.That(plan.Essentials).IsFalse();
    }

    [Test]
    public async Task A_move_takes_everything_whatever_the_definition_says()
    {
        var plan = SnapshotPlan.Of(Spec(""), "move", _ => true);
        await Assert.That((plan.Ask, plan.Essentials, plan.Excludes.Count)).IsEqualTo((null, false, 0));
    }

    [Test]
    public async Task Among_several_components_the_definition_must_name_one()
    {
        var spec = Spec("cli");
        spec.Components.Add(new ComponentSpec { Name = "db" });
        var refused = await Assert.That(() => SnapshotPlan.Of(spec, "snapshot", _ => true)).Throws<McpException>();
        await Assert.That(refused!.Hint).Contains("notes, db");
        spec.Snapshot.Component = "db";
        await Assert.That(SnapshotPlan.Of(spec, "snapshot", _ => true).Component!.Name).IsEqualTo("db");
    }

    [Test]
    public async Task Another_mode_is_refused() =>
        await Assert.That((await Assert.That(() => SnapshotPlan.Of(Spec("full"), "everything", _ => true)).Throws<McpException>())!.Code).IsEqualTo(FaultCode.InvalidArgument);

    private static ServiceSpec Spec(string method)
    {
        var spec = new ServiceSpec { Name = "notes", Snapshot = new SnapshotConfig { Method = method } };
        spec.Snapshot.Excludes.Add("layers/");
        spec.Components.Add(new ComponentSpec { Name = "notes" });
        return spec;
    }
}
