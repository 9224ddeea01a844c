using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Deployments;
using Mcp.Master.Migrations;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Tests.Master.Migrations;

/// <summary>Migrations over real TLS between agents that hold bytes in memory and otherwise answer as real ones do.</summary>
public class MigrationTests
{
    [Test]
    public async Task A_service_moves_with_its_data_and_comes_back_with_what_it_wrote_since()
    {
        await using var bench = await MasterBench.StartAsync();
        var (orion, vega) = await NotesOnOrionAsync(bench, s => s.Node = "orion");
        var plan = (await bench.Admin.MigrateAsync(new MigrateRequest { ServiceName = "notes", TargetNode = "vega", DryRun = true })).Results.Single();
        await Assert.That((plan.Source, plan.Target, plan.Plan.Bytes, plan.Plan.Databases.Count, plan.Plan.Running, plan.Pin)).IsEqualTo(("orion", "vega", 5500UL, 1, true, "vega"));
        await Assert.That(orion.Others).IsEmpty().Because("a dry run touches nothing");

        var id = OperationId.New(TimeProvider.System).Value;
        var request = new MigrateRequest { ServiceName = "notes", TargetNode = "vega" };
        var moved = (await bench.Admin.MigrateAsync(request, MasterBench.Operation(id))).Results.Single();
        await Assert.That(moved.Steps.Select(s => s.Step)).IsEquivalentTo(["validate", "stop", "export", "import", "deploy", "commit", "routes", "edge routes", "clean up"]);
        await Assert.That((moved.Success, moved.Epoch, moved.Bytes, moved.Generation, moved.Pin)).IsEqualTo((true, 2UL, 5500UL, 2UL, "vega"));
        await Assert.That((orion.Runs("notes"), vega.Runs("notes"), orion.Held.Count)).IsEqualTo((false, true, 1));
        await Assert.That(vega.Contents["notes"].AsSpan().SequenceEqual(Content)).IsTrue();
        await Assert.That(orion.Aside.Keys.Single().Epoch).IsEqualTo(1UL);
        await Assert.That((vega.Deploys.Last().Request.WithoutRoutes, vega.Deploys.Last().Request.Spec.Node, vega.Deploys.Last().Request.Epoch)).IsEqualTo((true, "vega", 2UL));
        var service = await bench.Admin.GetServiceAsync(new GetServiceRequest { ServiceName = "notes" });
        await Assert.That((service.Node, service.Spec.Node, service.Generation, service.Epoch)).IsEqualTo(("vega", "vega", 2UL, 2UL));
        var records = (await bench.Admin.DataListAsync(new DataListRequest { ServiceName = "notes" })).Records;
        await Assert.That(records.Select(r => $"{r.Node} {r.State} {r.Epoch}")).IsEquivalentTo(["vega current 2", "orion aside 1"]);
        var again = await bench.Admin.MigrateAsync(request, MasterBench.Operation(id));
        await Assert.That((again.AlreadyDone, again.Results.Single().Epoch)).IsEqualTo((true, 2UL));

        vega.Contents["notes"] = [.. Content, 7];
        var back = (await bench.Admin.MigrateAsync(new MigrateRequest { Undo = id }, MasterBench.Operation())).Results.Single();
        await Assert.That((back.Target, back.Epoch, back.Generation)).IsEqualTo(("orion", 3UL, 3UL));
        await Assert.That(orion.Contents["notes"].Length).IsEqualTo(Content.Length + 1);
        await Assert.That((orion.Runs("notes"), vega.Runs("notes"))).IsEqualTo((true, false));
        await RequireOneTruthAsync(bench, "orion");
    }

    [Test]
    public async Task The_copy_that_was_kept_is_taken_back_in_a_new_epoch_once_the_name_was_typed()
    {
        await using var bench = await MasterBench.StartAsync();
        var (orion, vega) = await NotesOnOrionAsync(bench);
        var id = OperationId.New(TimeProvider.System).Value;
        await bench.Admin.MigrateAsync(new MigrateRequest { ServiceName = "notes", TargetNode = "vega" }, MasterBench.Operation(id));
        vega.Contents["notes"] = Encoding.UTF8.GetBytes("spoilt");
        var request = new MigrateRequest { Undo = id, DiscardSince = true };
        await Assert.That((await FaultAsync(() => bench.Admin.MigrateAsync(request, MasterBench.Operation()))).Message).Contains("needs its name typed");
        request.Confirm = "notes";
        var back = (await bench.Admin.MigrateAsync(request, MasterBench.Operation())).Results.Single();
        await Assert.That((back.Target, back.Epoch, back.Plan.GivenUpSince.Length > 0)).IsEqualTo(("orion", 3UL, true));
        await Assert.That(orion.Contents["notes"].AsSpan().SequenceEqual(Content)).IsTrue();
        await Assert.That(vega.Aside.Single().Value.Length).IsEqualTo(6).Because("what is given up is kept aside, too");
        await RequireOneTruthAsync(bench, "orion");
    }

    [Test]
    [Arguments("stop")]
    [Arguments("cut")]
    [Arguments("import")]
    [Arguments("health")]
    public async Task A_failure_before_the_commit_puts_everything_back_and_says_so(string where)
    {
        await using var bench = await MasterBench.StartAsync();
        var (orion, vega) = await NotesOnOrionAsync(bench);
        orion.RefuseToStop = where == "stop" ? "notes did not end" : null;
        orion.CutExportAfter = where == "cut" ? 2000 : null;
        vega.RefuseImport = where == "import" ? "x.db is damaged" : null;
        vega.FailWith = where == "health" ? "notes never answered" : null;
        var fault = await FaultAsync(() => bench.Admin.MigrateAsync(new MigrateRequest { ServiceName = "notes", TargetNode = "vega" }, MasterBench.Operation()));
        await Assert.That(fault.Message).StartsWith("notes did not move to vega: ");
        await Assert.That(fault.State!).IsEqualTo("notes runs on orion again, with its data as it was; nothing of it is on vega");
        await Assert.That((orion.Runs("notes"), vega.Runs("notes"), orion.Held.IsEmpty, vega.Data.IsEmpty)).IsEqualTo((true, false, true, true));
        await Assert.That(orion.Contents["notes"].AsSpan().SequenceEqual(Content)).IsTrue();
        await RequireOneTruthAsync(bench, "orion");
        // The same again, once it is mended; the epoch of the failed one is never used again.
        (orion.RefuseToStop, orion.CutExportAfter, vega.RefuseImport, vega.FailWith) = (null, null, null, null);
        var moved = (await bench.Admin.MigrateAsync(new MigrateRequest { ServiceName = "notes", TargetNode = "vega" }, MasterBench.Operation())).Results.Single();
        await Assert.That((moved.Success, moved.Epoch)).IsEqualTo((true, 3UL));
        await RequireOneTruthAsync(bench, "vega");
    }

    [Test]
    public async Task A_lost_answer_is_asked_for_and_not_guessed()
    {
        await using var bench = await MasterBench.StartAsync();
        var (_, vega) = await NotesOnOrionAsync(bench);
        (vega.LoseImportAnswer, vega.LoseAnswer) = (true, true);
        var moved = (await bench.Admin.MigrateAsync(new MigrateRequest { ServiceName = "notes", TargetNode = "vega" }, MasterBench.Operation())).Results.Single();
        await Assert.That(moved.Success).IsTrue();
        await Assert.That(vega.Others.Count(o => o == "import notes")).IsEqualTo(1);
        await RequireOneTruthAsync(bench, "vega");
    }

    [Test]
    public async Task What_can_be_refused_is_refused_before_anything_stops()
    {
        await using var bench = await MasterBench.StartAsync();
        var (orion, vega) = await NotesOnOrionAsync(bench);
        async Task<McpException> RefusedAsync(Action<MigrateRequest>? change = null)
        {
            var request = new MigrateRequest { ServiceName = "notes", TargetNode = "vega" };
            change?.Invoke(request);
            var fault = await FaultAsync(() => bench.Admin.MigrateAsync(request, MasterBench.Operation()));
            await Assert.That(orion.Others.Any(o => o.StartsWith("stop", StringComparison.Ordinal))).IsFalse().Because(fault.Message);
            return fault;
        }
        vega.DiskFree = 60 * 1024 * 1024;
        await Assert.That((await RefusedAsync()).Message).Contains("60.0 MiB free, and 64.0 MiB are needed");
        vega.DiskFree = 1UL << 40;
        vega.RefuseToTake = "the policy of vega does not allow notes";
        await Assert.That((await RefusedAsync()).Message).IsEqualTo("vega cannot take notes: the policy of vega does not allow notes");
        vega.RefuseToTake = null;
        orion.Skips.Add(new SkippedEntry { Path = ByteString.CopyFromUtf8("run/fifo"), Rule = "a FIFO" });
        var skipped = await RefusedAsync();
        await Assert.That((skipped.Cause, skipped.Hint)).IsEqualTo(("run/fifo: a FIFO", "if the service does not need them: repeat with --accept-skipped"));
        vega.Data["notes"] = new DataRecord { Service = "notes", State = "current", Epoch = 1 };
        await Assert.That((await RefusedAsync(r => r.AcceptSkipped = true)).Hint!).Contains("mcp data purge notes --on vega");
        vega.Data.TryRemove("notes", out _);
        await Assert.That((await RefusedAsync(r => r.TargetNode = "nowhere")).Code).IsEqualTo(FaultCode.NotFound);
        await Assert.That((await RefusedAsync(r => r.ServiceName = "other")).Code).IsEqualTo(FaultCode.NotFound);
        await Assert.That((await RefusedAsync(r => r.All = true)).Code).IsEqualTo(FaultCode.InvalidArgument);
        var moved = (await bench.Admin.MigrateAsync(new MigrateRequest { ServiceName = "notes", TargetNode = "vega", AcceptSkipped = true }, MasterBench.Operation())).Results.Single();
        await Assert.That((moved.Success, moved.Skipped.Count)).IsEqualTo((true, 1));
    }

    [Test]
    public async Task A_broken_hold_starts_the_source_in_the_middle_of_the_copy()
    {
        await using var bench = await MasterBench.StartAsync();
        var (orion, vega) = await NotesOnOrionAsync(bench);
        orion.ExportGate = new TaskCompletionSource().Task;
        var migration = FaultAsync(() => bench.Admin.MigrateAsync(new MigrateRequest { ServiceName = "notes", TargetNode = "vega" }, MasterBench.Operation()));
        await orion.Exporting.Task.WaitAsync(TimeSpan.FromSeconds(20));
        var status = (await bench.Admin.StatusAsync(new StatusRequest { ServiceName = "notes" })).Services.Single();
        await Assert.That(status.Detail).StartsWith("is being migrated to vega");
        var started = await bench.Admin.StartAsync(new LifecycleRequest { ServiceName = "notes", BreakHold = true }, MasterBench.Operation());
        await Assert.That(started.Success).IsTrue();
        await Assert.That((await migration).Message).Contains("the hold on notes was broken by an operator");
        await Assert.That((orion.Runs("notes"), vega.Runs("notes"), vega.Data.IsEmpty)).IsEqualTo((true, false, true));
    }

    [Test]
    public async Task All_of_a_node_move_one_after_another_and_the_first_failure_ends_it()
    {
        await using var bench = await MasterBench.StartAsync();
        var (orion, vega) = await NotesOnOrionAsync(bench);
        foreach (var name in new[] { "agenda", "wiki" })
            await DeployAsync(bench, orion, name);
        (vega.FailWith, vega.FailOnly) = ("no", "notes");
        var request = new MigrateRequest { All = true, SourceNode = "orion", TargetNode = "vega" };
        await Assert.That((await bench.Admin.MigrateAsync(new MigrateRequest(request) { DryRun = true })).Results.Select(r => r.Service)).IsEquivalentTo(["agenda", "notes", "wiki"]);
        var first = await bench.Admin.MigrateAsync(request, MasterBench.Operation());
        await Assert.That(first.Results.Select(r => $"{r.Service} {r.Success}")).IsEquivalentTo(["agenda True", "notes False"]).Because(first.ToString());
        await Assert.That((vega.Runs("agenda"), orion.Runs("notes"), orion.Runs("wiki"))).IsEqualTo((true, true, true));
        vega.FailWith = null;
        var second = await bench.Admin.MigrateAsync(request, MasterBench.Operation());
        await Assert.That(second.Results.Select(r => $"{r.Service} {r.Success}")).IsEquivalentTo(["notes True", "wiki True"]);
    }

    [Test]
    [Arguments("Validated", "", "orion")]
    [Arguments("Stopped", "", "orion")]
    [Arguments("Imported", "", "orion")]
    [Arguments("Imported", "never", "orion")]
    [Arguments("Imported", "failed", "orion")]
    [Arguments("Imported", "succeeded", "vega")]
    [Arguments("Healthy", "succeeded", "vega")]
    [Arguments("Healthy", "unhealthy for a moment", "vega")]
    [Arguments("Healthy", "slow to say how it is", "vega")]
    [Arguments("Healthy", "stopped", "orion")]
    [Arguments("Back", "succeeded", "orion")]
    [Arguments("Committed", "succeeded", "vega")]
    [Arguments("Edged", "succeeded", "vega")]
    public async Task A_killed_master_goes_forward_or_back_and_one_copy_runs(string state, string deploy, string owner)
    {
        await using var bench = await MasterBench.StartAsync();
        var slow = deploy == "slow to say how it is";
        var (orion, vega) = await NotesOnOrionAsync(bench, s => s.Components[0].Health = slow ? new HealthSpec { Type = "exec", Cmd = { "true" } } : null);
        var id = OperationId.New(TimeProvider.System).Value;
        await bench.RestartAsync(() => LeaveAsync(bench, orion, vega, id, Enum.Parse<MigrationState>(state), deploy));
        if (slow)
        {
            // No answer is not taken for a good one.
            await SaysAsync(bench, id, "does not say how it is");
            vega.Slow["notes"] = 0;
        }
        await Wait(() => bench.Host.Parts.Database.Read(c => OperationStore.Find(c, id))!.State != "running", "the migration ended");
        var row = bench.Host.Parts.Database.Read(c => OperationStore.Find(c, id))!;
        await Assert.That(row.State).IsEqualTo(owner == "vega" ? "succeeded" : "put-back");
        await RequireOneTruthAsync(bench, owner);
        await Assert.That((orion.Runs("notes"), vega.Runs("notes"))).IsEqualTo((owner == "orion", owner == "vega"));
        await Assert.That((orion.Held.IsEmpty || owner == "vega", orion.Contents.ContainsKey("notes"), vega.Contents.ContainsKey("notes"))).IsEqualTo((true, owner == "orion", owner == "vega"));
        var watched = await WatchAsync(bench, id);
        await Assert.That(watched[^1].Outcome.Success).IsEqualTo(owner == "vega");
    }

    // As on a disk that is full for a while: not even the way back can be written down, so the terminal is told that this is no end.
    [Test]
    [Arguments("validated", "orion")]
    [Arguments("committed", "vega")]
    public async Task A_journal_that_cannot_be_written_for_a_while_ends_nothing_and_is_carried_on(string refused, string owner)
    {
        await using var bench = await MasterBench.StartAsync();
        var (orion, vega) = await NotesOnOrionAsync(bench);
        var database = bench.Host.Parts.Database;
        database.Write(c => c.Execute($"CREATE TRIGGER no_room BEFORE UPDATE ON migrations_of_services WHEN NEW.state IN ('{refused}', 'back') BEGIN SELECT RAISE(ABORT, 'no room'); END"));
        var id = OperationId.New(TimeProvider.System).Value;
        var fault = await FaultAsync(() => bench.Admin.MigrateAsync(new MigrateRequest { ServiceName = "notes", TargetNode = "vega" }, MasterBench.Operation(id)));
        await Assert.That(fault.Message).StartsWith("the migration of notes is not at its end: ");
        await Assert.That(fault.State!).StartsWith("it stays open, and goes forward or back by itself");
        await Assert.That(fault.Hint!).EndsWith($"mcp watch {id}");
        database.Write(c => c.Execute("DROP TRIGGER no_room"));
        var watched = await WatchAsync(bench, id);
        await Assert.That(watched[^1].Outcome.Success).IsEqualTo(owner == "vega");
        // Whoever looks later hears the end, too, and not the words of the call that could not wait for it.
        var later = (await WatchAsync(bench, id))[^1].Outcome;
        await Assert.That((later.Success, later.Error?.What.Contains("did not move to vega", StringComparison.Ordinal) ?? true)).IsEqualTo((owner == "vega", true)).Because($"{later}");
        await RequireOneTruthAsync(bench, owner);
        await Assert.That((orion.Runs("notes"), vega.Runs("notes"))).IsEqualTo((owner == "orion", owner == "vega"));
    }

    private static async Task<List<OperationEvent>> WatchAsync(MasterBench bench, string id)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        return await bench.Admin.Watch(new WatchRequest { Operation = id }, cancellationToken: deadline.Token).ResponseStream.ReadAllAsync().ToListAsync();
    }

    // Fails when the operation ends without having said so.
    private static async Task SaysAsync(MasterBench bench, string id, string words)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var call = bench.Admin.Watch(new WatchRequest { Operation = id }, cancellationToken: deadline.Token);
        await Assert.That(await call.ResponseStream.ReadAllAsync(deadline.Token).AnyAsync(e => e.Message.Contains(words, StringComparison.Ordinal), deadline.Token)).IsTrue().Because(words);
    }

    /// <summary>What a master that was killed in this state leaves in its database and on the nodes.</summary>
    private static Task LeaveAsync(MasterBench bench, FakeAgent orion, FakeAgent vega, string id, MigrationState state, string deploy)
    {
        using var database = Mcp.Master.MasterDatabase.Open(bench.Configuration.Database, TimeProvider.System);
        database.Write(c =>
        {
            var request = new MigrateRequest { ServiceName = "notes", TargetNode = "vega" };
            var intent = MigrationOrder.Of(c, request).ToIntent(request);
            OperationStore.Begin(c, new OperationRow
            {
                Id = id,
                Kind = "migrate",
                Service = "notes",
                Node = "vega",
                Principal = "human/alice",
                RequestKey = "k",
                Request = intent.ToByteArray(),
                State = "running",
                Started = "2026-04-01T00:00:00Z",
            });
            var row = new MigrationRow { Operation = id, Service = "notes", Source = "orion", Target = "vega", State = state, Epoch = 2, Held = true };
            orion.Held["notes"] = id;
            orion.Stopped["notes"] = true;
            if (state == MigrationState.Back)
                row.Detail.Reason = new ErrorDetail { What = "it failed" };
            if (state is not (MigrationState.Validated or MigrationState.Stopped))
            {
                row.Detail.DataCalled = true;
                vega.Contents["notes"] = Content;
                vega.Data["notes"] = new DataRecord { Service = "notes", Node = "vega", Epoch = 2, VolumeId = intent.VolumeId, State = "current" };
                vega.Remember($"{id}-import", "notes", "succeeded");
            }
            if (deploy.Length > 0)
            {
                row.Detail.DeployCalled = true;
                if (deploy is "succeeded" or "stopped" or "unhealthy for a moment" or "slow to say how it is")
                {
                    var result = vega.Do(new AgentDeployRequest { Spec = intent.Spec, SeenGeneration = 1, Epoch = 2, VolumeId = intent.VolumeId });
                    vega.Remember($"{id}-deploy", "notes", "succeeded", result);
                    if (state != MigrationState.Imported)
                        row.Detail.Deployed = result;
                }
                if (deploy == "unhealthy for a moment")
                    vega.Unhealthy["notes"] = 2;
                if (deploy == "slow to say how it is")
                    vega.Slow["notes"] = int.MaxValue;
                if (deploy == "stopped")
                    vega.Stopped["notes"] = true;
                if (deploy == "failed")
                    vega.Remember($"{id}-deploy", "notes", "put-back");
            }
            if (state is MigrationState.Committed or MigrationState.Edged)
            {
                new DeployEnding(bench.Configuration, TimeProvider.System).Record(c, id, intent.Spec, "vega", "human/alice", row.Detail.Deployed, "deployed");
            }
            MigrationStore.Put(c, row);
        });
        return Task.CompletedTask;
    }

    private static async Task RequireOneTruthAsync(MasterBench bench, string owner)
    {
        await Assert.That((await bench.Admin.GetServiceAsync(new GetServiceRequest { ServiceName = "notes" })).Node).IsEqualTo(owner);
        var current = (await bench.Admin.DataListAsync(new DataListRequest { ServiceName = "notes" })).Records.Where(r => r.State == "current").ToList();
        await Assert.That(current.Select(r => r.Node)).IsEquivalentTo([owner]);
        await Assert.That(bench.AgentOf(owner).Data["notes"].Epoch).IsEqualTo(current[0].Epoch);
        await Assert.That(bench.Host.Parts.Database.Read(OperationStore.Open)).IsEmpty();
        await Assert.That((await bench.Admin.StatusAsync(new StatusRequest())).Findings.Select(f => f.Message)).IsEmpty();
    }

    private static readonly byte[] Content = [.. Enumerable.Range(0, 5500).Select(i => (byte)(i * 7))];

    private static async Task<(FakeAgent Orion, FakeAgent Vega)> NotesOnOrionAsync(MasterBench bench, Action<ServiceSpec>? change = null)
    {
        var orion = await bench.AddAgentAsync("orion");
        await DeployAsync(bench, orion, "notes", change);
        var vega = await bench.AddAgentAsync("vega");
        vega.HoldsBytes = true;
        return (orion, vega);
    }

    private static async Task DeployAsync(MasterBench bench, FakeAgent agent, string name, Action<ServiceSpec>? change = null)
    {
        await bench.DeployAsync(MasterBench.Spec(name, s =>
        {
            s.Node = agent.Name;
            change?.Invoke(s);
        }));
        agent.Contents[name] = Content;
        agent.HoldsBytes = true;
    }

    private static async Task<McpException> FaultAsync(Func<AsyncUnaryCall<MigrateResponse>> call)
    {
        try
        {
            await call();
        }
        catch (McpException e)
        {
            return e;
        }
        throw new InvalidOperationException("it was not refused");
    }

    private static async Task Wait(Func<bool> so, string what)
    {
        for (var i = 0; i < 600 && !so(); i++)
            await Task.Delay(50);
        await Assert.That(so()).IsTrue().Because(what);
    }
}
