using Mcp.Master.Migrations;
using Mcp.Master.Reading;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Tests.Master.Migrations;

/// <summary>What a migration leaves on its source: kept for its time, and for as long as it is the only proof of the data.</summary>
public class KeptCopiesTests
{
    [Test]
    public async Task A_kept_copy_goes_when_its_time_is_over_and_it_is_not_needed_any_more()
    {
        await using var bench = await MasterBench.StartAsync(c => c with { KeepSource = TimeSpan.FromDays(7) });
        var (orion, vega) = await MovedAsync(bench);
        var kept = bench.Host.Parts.Kept;
        await kept.LookAsync(CancellationToken.None);
        await Assert.That(orion.Aside.Count).IsEqualTo(1).Because("its time is not over");

        Sql(bench, "UPDATE migrations_of_services SET aside_until = '2026-01-01T00:00:00Z'");
        await kept.LookAsync(CancellationToken.None);
        await kept.LookAsync(CancellationToken.None);
        await Assert.That(orion.Aside.Count).IsEqualTo(1);
        await Assert.That(Told(bench, "source-kept").Single()).Contains("there is no verified, complete snapshot that was taken on vega since");

        Snapshot(bench, "a", "vega", partial: 1, verified: "'2099-01-01T00:00:00Z'", damage: "");
        Snapshot(bench, "b", "vega", partial: 0, verified: "NULL", damage: "");
        Snapshot(bench, "c", "vega", partial: 0, verified: "'2099-01-01T00:00:00Z'", damage: "cut");
        Snapshot(bench, "d", "orion", partial: 0, verified: "'2099-01-01T00:00:00Z'", damage: "");
        await kept.LookAsync(CancellationToken.None);
        await Assert.That(orion.Aside.Count).IsEqualTo(1).Because("none of these proves the data on vega");

        Snapshot(bench, "e", "vega", partial: 0, verified: "'2099-01-01T00:00:00Z'", damage: "");
        vega.Stopped["notes"] = true;
        await kept.LookAsync(CancellationToken.None);
        await Assert.That(orion.Aside.Count).IsEqualTo(1).Because("a service that does not run proves nothing");
        vega.Stopped.TryRemove("notes", out _);
        await kept.LookAsync(CancellationToken.None);
        await Assert.That(orion.Aside.Count).IsEqualTo(0);
        await Assert.That(Told(bench, "source-reaped").Single()).Contains("is erased (3 bytes)");
        await Assert.That((await bench.Admin.DataListAsync(new DataListRequest())).Records.Select(r => r.Node)).IsEquivalentTo(["vega"]);
    }

    [Test]
    public async Task A_source_that_was_away_is_cleaned_up_when_it_is_heard()
    {
        await using var bench = await MasterBench.StartAsync();
        var (orion, _) = await MovedAsync(bench);
        var copy = orion.Aside.Single();
        // As after a source that could not be asked in time: committed, and its containers and data still there.
        orion.Aside.Clear();
        orion.Contents["notes"] = copy.Value;
        orion.Data["notes"] = new DataRecord { Service = "notes", Node = "orion", Epoch = 1, VolumeId = copy.Key.Volume, State = "current" };
        var id = Sql(bench, "UPDATE migrations_of_services SET state = 'edged', aside_until = NULL RETURNING operation");
        orion.Running["notes"] = new AgentDeployRequest { Spec = MasterBench.Spec("notes") };
        orion.Stopped["notes"] = true;
        orion.Held["notes"] = id;
        await bench.Host.Parts.Kept.LookAsync(CancellationToken.None);
        await Assert.That((orion.Running.IsEmpty, orion.Aside.Count, orion.Data.IsEmpty)).IsEqualTo((true, 1, true));
        await Assert.That(bench.Host.Parts.Database.Read(c => MigrationStore.Find(c, id))!.State).IsEqualTo(MigrationState.Done);
    }

    private static async Task<(FakeAgent Orion, FakeAgent Vega)> MovedAsync(MasterBench bench)
    {
        var orion = await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        var vega = await bench.AddAgentAsync("vega");
        (orion.HoldsBytes, vega.HoldsBytes) = (true, true);
        orion.Contents["notes"] = [1, 2, 3];
        await bench.Admin.MigrateAsync(new MigrateRequest { ServiceName = "notes", TargetNode = "vega" }, MasterBench.Operation(OperationId.New(TimeProvider.System).Value));
        return (orion, vega);
    }

    private static List<string> Told(MasterBench bench, string kind) =>
        [.. bench.Host.Parts.Database.Read(c => EventStore.After(c, 0, new EventsRequest(), 1000)).Where(e => e.Kind == kind).Select(e => e.Message)];

    private static string Sql(MasterBench bench, string sql) => bench.Host.Parts.Database.Write(c => c.Scalar<string>(sql)) ?? "";

    private static void Snapshot(MasterBench bench, string name, string node, int partial, string verified, string damage) => Sql(bench,
        "INSERT INTO snapshots(service, filename, node, epoch, size_bytes, sha256, file_sha256, data_bytes, entries, created_at, manual, partial, trailer, verified_at, damage) " +
        $"VALUES('notes', '{name}', '{node}', 2, 1, '', '', 1, 1, '2099-01-01T00:00:00Z', 0, {partial}, x'', {verified}, '{damage}')");
}
