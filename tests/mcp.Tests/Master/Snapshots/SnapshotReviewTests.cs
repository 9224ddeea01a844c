using Mcp.Master.Snapshots;
using Mcp.V1;

namespace Mcp.Tests.Master.Snapshots;

/// <summary>What each line of the taking of a snapshot leaves when the master is killed there, and what the next start makes of it.</summary>
public class SnapshotReviewTests
{
    [Test]
    public async Task Every_kill_point_is_understood_by_the_next_start()
    {
        var (bench, _) = await SnapshotBench.StartAsync();
        await using var __ = bench;
        var made = await bench.CreateAsync();
        var folder = bench.FolderOf();
        var whole = Path.Combine(folder, made.Filename);
        var row = bench.Rows().Single();
        await bench.RestartAsync(() =>
        {
            // 1 a temporary file of a process that is gone; 2 a description whose archive never got its name; the same of the description itself
            File.Copy(whole, Path.Combine(folder, ".2026-04-01T00:00:01Z.tar.zst.4194304-0123456789abcdef1.tmp"));
            File.Copy(SnapshotName.Description(whole), Path.Combine(folder, "2026-04-01T00:00:02Z.json"));
            File.Copy(SnapshotName.Description(whole), Path.Combine(folder, ".2026-04-01T00:00:03Z.json.4194304-0123456789abcdef1.tmp"));
            // 3, 4 an archive with its description and no row
            using var database = Mcp.Master.MasterDatabase.Open(bench.Configuration.Database, TimeProvider.System);
            database.Write(c => SnapshotStore.Remove(c, row.Id));
            // What nobody here made is left alone.
            File.WriteAllText(Path.Combine(folder, "2026-04-01T00:00:04Z.tar.zst"), "somebody's");
            File.WriteAllText(Path.Combine(folder, "notes.txt"), "somebody's");
            return Task.CompletedTask;
        });
        await Assert.That(bench.Files()).IsEquivalentTo([made.Filename, SnapshotName.Description(made.Filename), "2026-04-01T00:00:04Z.tar.zst", "notes.txt"]);
        var again = bench.Rows().Single();
        // The folder explains itself without the database: all but the number is as it was, and that is never given twice.
        await Assert.That(again.Id).IsGreaterThan(row.Id);
        await Assert.That(again.ToMessage()).IsEqualTo(WithId(row.ToMessage(), again.Id));
    }

    [Test]
    public async Task The_one_that_a_restore_would_take_is_told_before_anybody_agrees()
    {
        var (bench, _) = await SnapshotBench.StartAsync();
        await using var __ = bench;
        async Task<Snapshot> ChosenAsync(string at = "", string id = "") =>
            (await bench.Admin.ListSnapshotsAsync(new ListSnapshotsRequest { ServiceName = "notes", Chosen = true, At = at, Id = id })).Snapshots.Single();
        var none = await Assert.ThrowsAsync<Mcp.Errors.McpException>(async () => await ChosenAsync());
        await Assert.That(none!.Code).IsEqualTo(Mcp.Errors.FaultCode.NotFound);
        var first = await bench.CreateAsync();
        var second = await bench.CreateAsync();
        await Assert.That((await ChosenAsync()).Id).IsEqualTo(second.Id);
        await Assert.That((await ChosenAsync(id: $"{first.Id}")).Id).IsEqualTo(first.Id);
        await Assert.That((await ChosenAsync(at: bench.Rows().Single(r => r.Id == (long)second.Id).CreatedAt)).Id).IsEqualTo(second.Id);
        var unknown = await Assert.ThrowsAsync<Mcp.Errors.McpException>(async () => await ChosenAsync(id: "4711"));
        await Assert.That(unknown!.Code).IsEqualTo(Mcp.Errors.FaultCode.NotFound);
    }

    [Test]
    public async Task An_archive_that_is_gone_is_told_but_a_disk_that_is_not_there_costs_no_row()
    {
        var (bench, _) = await SnapshotBench.StartAsync();
        await using var __ = bench;
        var first = await bench.CreateAsync();
        await bench.CreateAsync();
        var away = bench.Configuration.Snapshots.Folder + ".away";
        await bench.RestartAsync(() =>
        {
            Directory.Move(bench.Configuration.Snapshots.Folder, away);
            return Task.CompletedTask;
        });
        // As on a new machine that was given the master's state alone: told, and no backup.
        await Assert.That(bench.Rows().Select(r => r.Missing)).IsEquivalentTo([true, true]);
        var listed = (await bench.Admin.ListSnapshotsAsync(new ListSnapshotsRequest { ServiceName = "notes" })).Snapshots;
        await Assert.That(listed.All(s => s.Missing && s.VerifiedAt.Length == 0)).IsTrue();
        var status = await bench.Admin.StatusAsync(new StatusRequest());
        await Assert.That(status.Findings.Single(f => f.Kind == "snapshot missing").Message).IsEqualTo("2 snapshots of notes are known, but not in the snapshot folder; there is no other");
        await Assert.That((status.Services.Single().LastSnapshot, status.Services.Single().ProvenRestore)).IsEqualTo(("", ""));
        var refused = await Assert.ThrowsAsync<Mcp.Errors.McpException>(async () => await bench.Admin.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation()));
        await Assert.That(refused!.Message).Contains("is gone from its folder");
        var verdict = (await bench.Admin.VerifySnapshotAsync(new VerifySnapshotRequest { ServiceName = "notes", All = true }, MasterBench.Operation())).Verdicts;
        await Assert.That(verdict.Select(v => (v.Good, v.Error))).IsEquivalentTo([(false, SnapshotRow.Gone), (false, SnapshotRow.Gone)]);
        await bench.RestartAsync(() =>
        {
            if (Directory.Exists(bench.Configuration.Snapshots.Folder))
                Directory.Delete(bench.Configuration.Snapshots.Folder, recursive: true);
            Directory.Move(away, bench.Configuration.Snapshots.Folder);
            File.Delete(Path.Combine(bench.FolderOf(), first.Filename));
            return Task.CompletedTask;
        });
        await Assert.That(bench.Rows().Select(r => (r.Damage, r.VerifiedAt))).IsEquivalentTo([("", (string?)null)]);
        await Assert.That(bench.Events("snapshot-lost").Single().Message).Contains(first.Filename);
    }

    [Test]
    public async Task A_snapshot_that_the_masters_end_cut_short_leaves_nothing()
    {
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        agent.ExportGate = new TaskCompletionSource().Task;
        var id = Mcp.Names.OperationId.New(TimeProvider.System).Value;
        var call = bench.CreateAsync(id);
        await MasterBench.UntilAsync(() => Task.FromResult(agent.Exports.Count == 1), "the export has begun");
        await bench.RestartAsync();
        await Assert.That(async () => await call).ThrowsException();
        await Assert.That(bench.Files()).IsEmpty();
        var operation = (await bench.Admin.ListOperationsAsync(new ListOperationsRequest())).Operations.Single(o => o.Id == id);
        await Assert.That((operation.Kind, operation.State)).IsEqualTo(("snapshot", "failed"));
    }

    [Test]
    [Arguments("2026-04-01T00:00:00Z.tar.zst", true)]
    [Arguments("2026-04-01T00:00:00Z-2.tar.zst", true)]
    [Arguments("2026-04-01T00:00:00Z-02.tar.zst", false)]
    [Arguments("2026-04-01T00:00:00Z-.tar.zst", false)]
    [Arguments("2026-13-01T00:00:00Z.tar.zst", false)]
    [Arguments("../2026-04-01T00:00:00Z.tar.zst", false)]
    [Arguments("2026-04-01T00:00:00Z.tar.zst\n", false)]
    [Arguments("-rf", false)]
    public async Task Only_names_that_are_made_here_are_names(string name, bool good)
    {
        await Assert.That(SnapshotName.IsOne(name)).IsEqualTo(good);
        var folder = new SnapshotFolder("/x", _ => (1, 1));
        var row = new SnapshotRow { Service = "notes", Filename = name, Node = "", SizeBytes = 0, FileSha256 = "", CreatedAt = "", Manual = false, Trailer = new StreamTrailer() };
        if (good)
            await Assert.That(folder.PathOf(row)).IsEqualTo($"/x/notes/{name}");
        else
            Assert.Throws<Mcp.Errors.McpException>(() => folder.PathOf(row));
        Assert.Throws<Mcp.Errors.McpException>(() => folder.PathOf(row with { Service = "../notes" }));
    }

    private static Snapshot WithId(Snapshot snapshot, long id)
    {
        snapshot.Id = (ulong)id;
        return snapshot;
    }
}
