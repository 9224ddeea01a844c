using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Snapshots;
using Mcp.Names;
using Mcp.V1;

namespace Mcp.Tests.Master.Snapshots;

public class VerifyAndRestoreTests
{
    [Test]
    public async Task Every_flipped_bit_is_found_by_verify_and_refused_by_restore_which_proposes_an_older_one()
    {
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        var older = await bench.CreateAsync();
        var newer = await bench.CreateAsync();
        var file = Path.Combine(bench.FolderOf(), newer.Filename);
        var size = new FileInfo(file).Length;
        var random = new Random(4);
        for (var i = 0; i < 20; i++)
        {
            var at = i switch { 0 => 0, 1 => size - 1, _ => random.NextInt64(size) };
            SnapshotBench.FlipBit(file, at);
            var verdict = (await bench.Admin.VerifySnapshotAsync(new VerifySnapshotRequest { ServiceName = "notes", Id = $"{newer.Id}" }, MasterBench.Operation())).Verdicts.Single();
            await Assert.That((verdict.Good, verdict.Error.Length > 0)).IsEqualTo((false, true)).Because($"bit at {at} of {size}");
            SnapshotBench.FlipBit(file, at);
        }
        SnapshotBench.FlipBit(file, size / 2);
        var fault = await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation()));
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.DataLoss);
        await Assert.That(fault.Hint!).Contains($"--id {older.Id}");
        await Assert.That((agent.Imports.Count, agent.Others.Count)).IsEqualTo((0, 0));
        // Mended (the disk lied), a verification says that it is good again, and only then is it taken.
        SnapshotBench.FlipBit(file, size / 2);
        await Assert.That(async () => await bench.Admin.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation())).Throws<McpException>();
        var mended = (await bench.Admin.VerifySnapshotAsync(new VerifySnapshotRequest { ServiceName = "notes", Id = newer.Filename }, MasterBench.Operation())).Verdicts.Single();
        await Assert.That(mended.Good).IsTrue();
        await bench.Admin.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation());
        await Assert.That(agent.Imports.Count).IsEqualTo(1);
    }

    [Test]
    public async Task Verify_opens_every_database_and_names_the_torn_one()
    {
        var (good, torn) = SnapshotBench.Databases();
        var (bench, agent) = await SnapshotBench.StartAsync(("data/good.db", good), ("blob", new byte[1000]));
        await using var _ = bench;
        await bench.CreateAsync();
        var verdict = (await bench.Admin.VerifySnapshotAsync(new VerifySnapshotRequest { ServiceName = "notes" }, MasterBench.Operation())).Verdicts.Single();
        await Assert.That((verdict.Good, verdict.Entries, verdict.Databases.Single())).IsEqualTo((true, 3UL, "data/good.db"));

        agent.Archives["notes"] = FakeArchive.Of(("data/good.db", good), ("data/torn.sqlite", torn));
        await bench.CreateAsync();
        verdict = (await bench.Admin.VerifySnapshotAsync(new VerifySnapshotRequest { ServiceName = "notes" }, MasterBench.Operation())).Verdicts.Single();
        await Assert.That(verdict.Good).IsFalse();
        await Assert.That(verdict.Error).Contains("data/torn.sqlite");
        var all = (await bench.Admin.VerifySnapshotAsync(new VerifySnapshotRequest { ServiceName = "notes", All = true }, MasterBench.Operation())).Verdicts;
        await Assert.That(all.Select(v => v.Good)).IsEquivalentTo([false, true]);
        await Assert.That(bench.Rows().Count(r => r.VerifiedAt is not null)).IsEqualTo(2);
        await Assert.That(Directory.GetFileSystemEntries(Path.Combine(bench.Configuration.Snapshots.Folder, ".scratch"))).IsEmpty();
    }

    [Test]
    public async Task A_restore_stops_imports_in_the_current_epoch_and_starts()
    {
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        await bench.CreateAsync();
        var id = OperationId.New(TimeProvider.System).Value;
        var answer = await bench.Admin.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation(id));
        await Assert.That(agent.Others).IsEquivalentTo(["stop notes", "import notes", "start notes"], TUnit.Assertions.Enums.CollectionOrdering.Matching);
        var (operation, start, bytes) = agent.Imports.Single();
        await Assert.That(bytes).IsEquivalentTo(agent.Archives["notes"].Bytes);
        await Assert.That((operation, start.Force, start.Epoch, start.Overlay, start.VolumeId)).IsEqualTo(($"{id}-import", true, 1UL, false, agent.Data["notes"].VolumeId));
        await Assert.That((answer.Aside, answer.Node, answer.AlreadyDone)).IsEqualTo(("/srv/.mcp/aside/x", "orion", false));
        await Assert.That(answer.Steps.Select(s => s.Step)).IsEquivalentTo(["verify", "stop", "import", "start"]);
        var again = await bench.Admin.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation(id));
        await Assert.That((again.AlreadyDone, agent.Imports.Count)).IsEqualTo((true, 1));
        await Assert.That(bench.Host.Parts.Database.Read(RestoreStore.All)).IsEmpty();
    }

    [Test]
    public async Task A_service_that_does_not_become_healthy_is_put_back_on_the_data_of_before()
    {
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        await bench.CreateAsync();
        agent.FailStarts = 1;
        var id = OperationId.New(TimeProvider.System).Value;
        var fault = await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation(id)));
        await Assert.That(fault!.Message).Contains("did not become healthy");
        await Assert.That(fault.State!).Contains("it was put back");
        await Assert.That(agent.Others).IsEquivalentTo(
            ["stop notes", "import notes", "start notes", "stop notes", "revert notes", "start notes"], TUnit.Assertions.Enums.CollectionOrdering.Matching);
        await Assert.That(bench.Host.Parts.Database.Read(c => OperationStore.Find(c, id))!.State).IsEqualTo("put-back");
        await Assert.That(bench.Events("restore-failed").Count).IsEqualTo(1);
    }

    [Test]
    public async Task A_service_that_does_not_stop_is_started_again_and_nothing_is_taken_back()
    {
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        await bench.CreateAsync();
        agent.RefuseToStop = "notes did not stop";
        var fault = await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation()));
        await Assert.That(fault!.Message).Contains("did not stop");
        await Assert.That(agent.Others).IsEquivalentTo(["stop notes", "start notes"], TUnit.Assertions.Enums.CollectionOrdering.Matching);
    }

    [Test]
    public async Task A_link_that_breaks_in_an_import_costs_an_attempt_and_not_the_restore()
    {
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        await bench.CreateAsync();
        agent.BreakImports = 1;
        var id = OperationId.New(TimeProvider.System).Value;
        await bench.Admin.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation(id));
        await Assert.That(agent.Imports.Single().Operation).IsEqualTo($"{id}-import2");
    }

    [Test]
    public async Task A_partial_archive_needs_the_word_and_overlays()
    {
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        agent.Archives["notes"] = FakeArchive.Of(partial: true, ("notes.toml", "a = 1\n"u8.ToArray()));
        await bench.CreateAsync();
        var fault = await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation()));
        await Assert.That((fault!.Code, fault.Hint!.Contains("--accept-partial", StringComparison.Ordinal))).IsEqualTo((FaultCode.FailedPrecondition, true));
        await bench.Admin.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = "notes", AcceptPartial = true }, MasterBench.Operation());
        await Assert.That(agent.Imports.Single().Start.Overlay).IsTrue();
    }

    [Test]
    public async Task A_master_that_ends_in_the_middle_of_a_restore_carries_it_on()
    {
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        await bench.CreateAsync();
        var gate = new TaskCompletionSource();
        agent.ImportGate = gate.Task;
        var id = OperationId.New(TimeProvider.System).Value;
        var call = bench.Admin.RestoreSnapshotAsync(new RestoreSnapshotRequest { ServiceName = "notes" }, MasterBench.Operation(id)).ResponseAsync;
        await MasterBench.UntilAsync(() => Task.FromResult(agent.Others.Contains("stop notes")), "the service is stopped");
        await bench.RestartAsync(() =>
        {
            gate.SetResult();
            return Task.CompletedTask;
        });
        await Assert.That(async () => await call).ThrowsException();
        await MasterBench.UntilAsync(() => Task.FromResult(bench.Host.Parts.Database.Read(c => OperationStore.Find(c, id))!.State != "running"), "the restore has ended");
        var row = bench.Host.Parts.Database.Read(c => OperationStore.Find(c, id))!;
        await Assert.That(row.State).IsEqualTo("succeeded");
        await Assert.That((agent.Imports.Count, agent.Others.Last(), agent.Stopped.ContainsKey("notes"))).IsEqualTo((1, "start notes", false));
        await Assert.That(bench.Events("restore-resumed").Count).IsEqualTo(1);
    }

    [Test]
    public async Task A_drill_is_remembered_whether_it_succeeds_or_fails()
    {
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        var made = await bench.CreateAsync();
        var drilled = await bench.Admin.DrillAsync(new DrillRequest { ServiceName = "notes" }, MasterBench.Operation());
        await Assert.That((drilled.Success, drilled.Node, drilled.Filename)).IsEqualTo((true, "orion", made.Filename));
        var (start, bytes) = agent.Drills.Single();
        await Assert.That((start.Spec.Name, start.Images.Count)).IsEqualTo(("notes", 1));
        await Assert.That(bytes).IsEquivalentTo(agent.Archives["notes"].Bytes);
        await Assert.That(bench.Rows().Single().DrilledAt).IsNotNull();
        var proven = bench.Host.Parts.Database.Read(c => SnapshotCourseStore.Find(c, "notes"))!;
        agent.FailDrills = "it never became healthy";
        var failed = await bench.Admin.DrillAsync(new DrillRequest { ServiceName = "notes" }, MasterBench.Operation());
        await Assert.That((failed.Success, failed.Error)).IsEqualTo((false, "it never became healthy"));
        var course = bench.Host.Parts.Database.Read(c => SnapshotCourseStore.Find(c, "notes"))!;
        await Assert.That((course.DrillFailed, course.ProvenAt)).IsEqualTo(("it never became healthy", proven.ProvenAt));
    }
}
