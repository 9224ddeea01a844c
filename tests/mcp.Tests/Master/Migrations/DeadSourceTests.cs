using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Tests.Master.Migrations;

/// <summary>A service of a dead node, from a snapshot: the operator's word, the plan that says what is lost, and the node that comes back.</summary>
public class DeadSourceTests
{
    [Test]
    public async Task A_service_of_a_dead_node_goes_on_from_its_snapshot_and_the_node_hears_that_it_is_superseded()
    {
        await using var bench = await MasterBench.StartAsync();
        var orion = await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        orion.Archives["notes"] = FakeArchive.Of(partial: true, ("notes.txt", [1, 2, 3]));
        await bench.Admin.CreateSnapshotAsync(new CreateSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation());
        var vega = await bench.AddAgentAsync("vega");
        var request = new MigrateRequest { ServiceName = "notes", TargetNode = "vega", FromSnapshot = true, SourceDead = true, SourceNode = "orion", Confirm = "orion" };

        await Assert.That((await FaultAsync(bench, request)).Message).StartsWith("orion answers, so it is not dead");
        await Assert.That((await FaultAsync(bench, new MigrateRequest(request) { SourceNode = "vega" })).Message).Contains("is older than its data on orion");
        await orion.DisposeAsync();
        await Assert.That((await FaultAsync(bench, new MigrateRequest(request) { Confirm = "" })).Message).Contains("needs its name typed");
        var partial = await FaultAsync(bench, request);
        await Assert.That((partial.Message.Contains("is partial: 1 entries are not in it"), partial.Cause)).IsEqualTo((true, "x\\xff: is a socket"));
        var plan = (await bench.Admin.MigrateAsync(new MigrateRequest(request) { DryRun = true })).Results.Single().Plan;
        await Assert.That((plan.Mode, plan.Snapshot.Partial, plan.Remarks.Single().Contains("two copies run until it is heard"))).IsEqualTo(("snapshot", true, true));
        await Assert.That(vega.Imports).IsEmpty();

        request.AcceptPartial = true;
        var moved = (await bench.Admin.MigrateAsync(request, MasterBench.Operation())).Results.Single();
        await Assert.That((moved.Success, moved.Epoch, moved.AsideUntil)).IsEqualTo((true, 2UL, ""));
        await Assert.That(vega.Imports.Single().Bytes.AsSpan().SequenceEqual(orion.Archives["notes"].Bytes)).IsTrue();
        await Assert.That((await bench.Admin.GetServiceAsync(new GetServiceRequest { ServiceName = "notes" })).Node).IsEqualTo("vega");

        bench.Host.Parts.GrantRegister("orion");
        var back = await bench.RegisterAsync(orion, "worker", new OwnedService { Name = "notes", Epoch = 1, VolumeId = "v", Running = true });
        await Assert.That(back.Superseded.Single()).IsEqualTo(new SupersededService { Service = "notes", Node = "vega", Epoch = 2 });
    }

    private static async Task<McpException> FaultAsync(MasterBench bench, MigrateRequest request)
    {
        try
        {
            await bench.Admin.MigrateAsync(request, MasterBench.Operation());
        }
        catch (McpException e)
        {
            return e;
        }
        throw new InvalidOperationException("it was not refused");
    }
}
