using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Tests.Master.Reading;

/// <summary>Where data is: the fleet's records, and what each node holds besides.</summary>
public class DataListingTests
{
    [Test]
    public async Task A_copy_that_only_its_node_knows_is_listed_and_a_silent_node_is_named()
    {
        await using var bench = await MasterBench.StartAsync();
        var orion = await bench.AddAgentAsync("orion");
        var vega = await bench.AddAgentAsync("vega");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        var (owner, other) = orion.Running.IsEmpty ? (vega, orion) : (orion, vega);
        var record = owner.Data["notes"];
        record.Path = "/srv/notes";
        owner.Data["set aside by a restore"] = new DataRecord { Service = "notes", State = "aside", Epoch = record.Epoch, VolumeId = record.VolumeId, Path = "/srv/.mcp/aside/notes-1", Updated = "2026-01-01T00:00:00Z" };
        other.Data["another's"] = new DataRecord { Service = "wiki", State = "aside", Epoch = 1, Path = "/srv/.mcp/aside/wiki-1" };
        var listed = await bench.Admin.DataListAsync(new DataListRequest { ServiceName = "notes" });
        await Assert.That(listed.Records.Select(r => $"{r.State} {r.Node} {r.Path}")).IsEquivalentTo([$"current {owner.Name} /srv/notes", $"aside {owner.Name} /srv/.mcp/aside/notes-1"]);
        await Assert.That(listed.Silent).IsEmpty();
        await Assert.That((await bench.Admin.DataListAsync(new DataListRequest())).Records.Select(r => r.Service)).IsEquivalentTo(["notes", "notes", "wiki"]);

        bench.Host.Parts.Board.Failed(owner.Name, "no answer");
        listed = await bench.Admin.DataListAsync(new DataListRequest { ServiceName = "notes" });
        await Assert.That(listed.Records.Select(r => $"{r.State} {r.Node} {r.Path}")).IsEquivalentTo([$"current {owner.Name} "]).Because("a record stays, wherever its node is");
        await Assert.That(listed.Silent.Single().Node).IsEqualTo(owner.Name);
    }

    [Test]
    public async Task What_only_a_node_knows_can_be_erased_and_what_nobody_has_is_said_so()
    {
        await using var bench = await MasterBench.StartAsync();
        var orion = await bench.AddAgentAsync("orion");
        var never = await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.DataPurgeAsync(new DataPurgeRequest { ServiceName = "ghost", Confirm = "ghost" }, MasterBench.Operation()));
        await Assert.That((never!.Code, never.Message)).IsEqualTo((FaultCode.NotFound, "there is no data of ghost"));
        orion.Data["ghost"] = new DataRecord { Service = "ghost", State = "aside", Epoch = 1, Path = "/srv/.mcp/aside/ghost-1" };
        await bench.Admin.DataPurgeAsync(new DataPurgeRequest { ServiceName = "ghost", State = "aside", Confirm = "ghost" }, MasterBench.Operation());
        await Assert.That(orion.Data.ContainsKey("ghost")).IsFalse();
    }
}
