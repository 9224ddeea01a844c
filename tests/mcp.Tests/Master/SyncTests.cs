using Grpc.Core;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Tests.Definitions;
using Mcp.V1;

namespace Mcp.Tests.Master;

/// <summary>Plan and sync over real TLS, with agents that deploy nothing but answer as real ones do.</summary>
public class SyncTests
{
    [Test]
    public async Task A_directory_is_synced_edited_and_synced_again_and_a_second_sync_does_nothing()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        ServiceSpec[] directory = [MasterBench.Spec("notes"), MasterBench.Spec("wiki"), MasterBench.Spec("old")];
        var first = await SyncAsync(bench, directory);
        await Assert.That(first.Results.Select(r => (r.Service, r.Action, r.Success, r.Generation))).IsEquivalentTo(new[] { ("notes", "deploy", true, 1UL), ("wiki", "deploy", true, 1UL), ("old", "deploy", true, 1UL) });
        var deploys = agent.Deploys.Count;
        var second = await SyncAsync(bench, directory);
        await Assert.That((second.Plan.Changes, second.Results.Count, agent.Deploys.Count)).IsEqualTo((0u, 0, deploys));

        directory = [MasterBench.Spec("notes", s => s.Components[0].Image = "registry.example.net/app:v2"), MasterBench.Spec("wiki", s => s.Active = false)];
        var plan = await PlanAsync(bench, directory);
        await Assert.That(plan.Entries.Select(e => $"{e.Service} {e.Action} {e.Interrupts}")).IsEquivalentTo(["notes redeploy True", "old undeploy True", "wiki stop True"]);
        var changed = await SyncAsync(bench, directory, r => r.ConfirmRemovals = 1);
        await Assert.That(changed.Results.All(r => r.Success)).IsTrue();
        await Assert.That(agent.Others).IsEquivalentTo(["stop wiki", "undeploy old"]);
        await Assert.That(agent.Others.Last()).IsEqualTo("undeploy old").Because("removals are last");
        await Assert.That((await bench.Admin.DataListAsync(new DataListRequest { ServiceName = "old" })).Records.Count).IsEqualTo(1).Because("data stays");
        await Assert.That((await PlanAsync(bench, directory)).Changes).IsEqualTo(0u);
        directory[1] = MasterBench.Spec("wiki");
        await Assert.That((await SyncAsync(bench, directory)).Results.Single().Action).IsEqualTo("start");
        await Assert.That((await PlanAsync(bench, directory)).Changes).IsEqualTo(0u);
    }

    [Test]
    public async Task Whatever_field_a_definition_has_the_second_sync_finds_nothing()
    {
        await using var bench = await MasterBench.StartAsync(c => c with { AllowedDomains = ["example.org"] });
        var agent = await bench.AddAgentAsync("orion");
        var generator = new SpecGenerator(77);
        var directory = Enumerable.Range(0, 30).Select(i =>
        {
            var spec = generator.Next();
            (spec.Name, spec.Node, spec.Tier, spec.Snapshot) = ($"svc{i}", "", "worker", null);
            foreach (var component in spec.Components)
            {
                component.Volumes.Clear();
                component.EnvFiles.Clear();
                foreach (var route in component.Routes)
                    route.Hostname = $"s{i}-{route.Hostname}";
            }
            return spec;
        }).ToArray();
        var first = await SyncAsync(bench, directory);
        await Assert.That(string.Join("; ", first.Results.Where(r => !r.Success).Select(r => $"{r.Service} {r.Error}"))).IsEqualTo("");
        var deploys = agent.Deploys.Count;
        var checks = agent.LiveChecks;
        var plan = await PlanAsync(bench, directory);
        await Assert.That(string.Join("; ", plan.Entries.Where(e => e.Action != "none").Select(e => $"{e.Service} {e.Action} {e.Why}"))).IsEqualTo("");
        await Assert.That((agent.Deploys.Count, agent.LiveChecks - checks)).IsEqualTo((deploys, 1)).Because("a plan asks each node once, not once for each service");
    }

    [Test]
    public async Task A_failed_service_stops_no_other_and_the_outcome_says_so_everywhere()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        (agent.FailWith, agent.FailOnly) = ("notes never answered on /healthz", "notes");
        ServiceSpec[] directory = [MasterBench.Spec("a"), MasterBench.Spec("notes"), MasterBench.Spec("z")];
        var id = OperationId.New(TimeProvider.System).Value;
        var request = await RequestAsync(bench, directory);
        var outcome = await bench.Admin.SyncAsync(request, MasterBench.Operation(id));
        await Assert.That(outcome.Results.Select(r => $"{r.Service} {r.Success}")).IsEquivalentTo(["a True", "notes False", "z True"]);
        await Assert.That(outcome.Results[1].ErrorDetail.What).IsEqualTo("notes never answered on /healthz");
        var watched = await bench.Admin.Watch(new WatchRequest { Operation = id }).ResponseStream.ReadAllAsync().ToListAsync();
        await Assert.That((watched[^1].Outcome.Success, watched[^1].Outcome.Error.What)).IsEqualTo((false, "1 of 3 services failed: notes"));
        await Assert.That(watched.Where(e => e.Result is not null).Select(e => e.Result.Step)).Contains("deploy z");
        var again = await bench.Admin.SyncAsync(request, MasterBench.Operation(id));
        await Assert.That((again.AlreadyDone, again.Results.Count)).IsEqualTo((true, 3));
        var row = (await bench.Admin.ListOperationsAsync(new ListOperationsRequest())).Operations.Single(o => o.Id == id);
        await Assert.That((row.Kind, row.State)).IsEqualTo(("sync", "failed"));
        await Assert.That((await EventsAsync(bench)).Select(e => e.Kind)).Contains("sync-failed");
        agent.FailWith = null;
        var told1 = (await SyncAsync(bench, directory)).Results.Single();
        await Assert.That(told1 is { Service: "notes", Success: true }).IsTrue().Because(told1.ToString());
    }

    [Test]
    public async Task A_plan_that_moved_is_refused_and_what_moved_is_named()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("orion");
        ServiceSpec[] directory = [MasterBench.Spec("notes"), MasterBench.Spec("wiki")];
        await SyncAsync(bench, directory);
        directory[1] = MasterBench.Spec("wiki", s => s.Components[0].User = "1");
        var plan = await PlanAsync(bench, directory);
        var bob = await bench.AddOperatorAsync("bob", "deploy");
        await bob.DeployAsync(new DeployRequest { Service = MasterBench.Spec("notes", s => s.Components[0].Env.Add("A=1")), SeenGeneration = 1 }, MasterBench.Operation());
        var fault = await FaultAsync(() => SyncAsync(bench, directory, r => (r.ExpectedPlan, r.Overwrite) = (plan.Id, true)));
        await Assert.That(fault.Code).IsEqualTo(FaultCode.FailedPrecondition);
        await Assert.That(fault.Cause!).StartsWith("notes: generation 2, then 1: deployed by human/bob at ");
        await Assert.That(fault.Hint).IsEqualTo("mcp plan");
        var unknown = await FaultAsync(() => SyncAsync(bench, directory, r => r.ExpectedPlan = "0123456789abcdef01234567"));
        await Assert.That(unknown.Cause!).Contains("cannot be named");
        // A named plan holds as long as nothing moves.
        plan = await PlanAsync(bench, directory);
        await Assert.That((await PlanAsync(bench, directory)).Id).IsEqualTo(plan.Id);
        await Assert.That((await SyncAsync(bench, directory, r => (r.ExpectedPlan, r.Overwrite) = (plan.Id, true))).Results.All(r => r.Success)).IsTrue();
    }

    [Test]
    public async Task What_somebody_else_deployed_is_not_gone_over_unseen()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        ServiceSpec[] directory = [MasterBench.Spec("notes")];
        await SyncAsync(bench, directory);
        var bob = await bench.AddOperatorAsync("bob", "admin");
        await bob.DeployAsync(new DeployRequest { Service = MasterBench.Spec("notes", s => s.Components[0].Image = "registry.example.net/app:v2"), SeenGeneration = 1 }, MasterBench.Operation());
        await bob.DeployAsync(new DeployRequest { Service = MasterBench.Spec("bobs") }, MasterBench.Operation());
        var fault = await FaultAsync(() => SyncAsync(bench, directory, r =>
        {
            (r.Overwrite, r.ConfirmRemovals) = (false, 1);
            r.Seen.Add(new SeenGeneration { Service = "notes", Generation = 1 });
        }));
        await Assert.That(fault.Message).Contains("2 services changed since this machine last looked: bobs, notes");
        await Assert.That(fault.Cause!).Contains("notes: generation 2 was deployed by human/bob at ").And.Contains("components.notes.image: registry.example.net/app:v2 → registry.example.net/app:v1").And.Contains("bobs: generation 1");
        await Assert.That(fault.Hint!).Contains("mcp sync --overwrite");
        await Assert.That(agent.Running["notes"].Spec.Components[0].Image).EndsWith("v2");
        await Assert.That((await SyncAsync(bench, directory, r => r.ConfirmRemovals = 1)).Results.All(r => r.Success)).IsTrue();
        await Assert.That(agent.Running.Keys).IsEquivalentTo(["notes"]);
    }

    [Test]
    public async Task Removals_are_confirmed_by_their_number_and_an_empty_set_is_refused()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        var hub = await bench.AddAgentAsync("hub", "master");
        ServiceSpec[] all = [MasterBench.Spec("notes"), MasterBench.Spec("wiki"), MasterBench.Spec("registry", s => s.Tier = "core")];
        await SyncAsync(bench, all);
        ServiceSpec[] one = [all[0]];
        var empty = await FaultAsync(() => SyncAsync(bench, [], r => r.ConfirmRemovals = 3, expect: false));
        await Assert.That(empty.Message).Contains("is empty");
        var wrong = await FaultAsync(() => SyncAsync(bench, one, r => r.ConfirmRemovals = 1));
        await Assert.That((wrong.Message, wrong.Cause)).IsEqualTo(("this plan removes 2 services, and the removal of 1 was confirmed; nothing was done", "registry, wiki"));
        var core = await FaultAsync(() => SyncAsync(bench, one, r => r.ConfirmRemovals = 2));
        await Assert.That(core.Cause).IsEqualTo("registry");
        // A sync of named services removes no other.
        await Assert.That((await SyncAsync(bench, one, r => r.Only.Add("notes"))).Plan.Entries.Count).IsEqualTo(1);
        var foreign = await FaultAsync(() => SyncAsync(bench, all, r => r.Only.Add("notes"), expect: false));
        await Assert.That(foreign.Code).IsEqualTo(FaultCode.InvalidArgument);
        await Assert.That(agent.Others.Concat(hub.Others)).IsEmpty();
        await Assert.That((await SyncAsync(bench, one, r => (r.ConfirmRemovals, r.ConfirmCoreRemovals) = (2, true))).Results.All(r => r.Success)).IsTrue();
        await Assert.That(agent.Others.Concat(hub.Others)).IsEquivalentTo(["undeploy registry", "undeploy wiki"]);
    }

    [Test]
    public async Task Nothing_is_done_on_a_silent_node_whatever_the_directory_says()
    {
        await using var bench = await MasterBench.StartAsync();
        var orion = await bench.AddAgentAsync("orion");
        var vega = await bench.AddAgentAsync("vega");
        await SyncAsync(bench, [MasterBench.Spec("a", s => s.Node = "orion"), MasterBench.Spec("b", s => s.Node = "orion"), MasterBench.Spec("c", s => s.Node = "vega")]);
        var (at, deploys) = (orion.Others.Count, orion.Deploys.Count);
        await orion.DisposeAsync();
        ServiceSpec[] directory = [MasterBench.Spec("a", s => (s.Node, s.Active) = ("orion", false)), MasterBench.Spec("c", s => (s.Node, s.Components[0].User) = ("vega", "1"))];
        var outcome = await SyncAsync(bench, directory);
        await Assert.That((outcome.Plan.Unknown, outcome.Plan.Removals, outcome.Plan.Changes)).IsEqualTo((2u, 0u, 1u));
        await Assert.That(outcome.Plan.Entries[0].Why).StartsWith("orion cannot be asked: ");
        var told2 = outcome.Results.Single();
        await Assert.That(told2 is { Service: "c", Success: true }).IsTrue().Because(told2.ToString());
        await Assert.That((orion.Others.Count, orion.Deploys.Count)).IsEqualTo((at, deploys));
        await Assert.That(vega.Running["c"].Spec.Components[0].User).IsEqualTo("1");
    }

    [Test]
    public async Task A_master_killed_in_the_middle_carries_the_sync_on_and_does_nothing_twice()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        await SyncAsync(bench, [MasterBench.Spec("old")]);
        var gate = new TaskCompletionSource();
        (agent.Gate, agent.GateOnly) = (gate.Task, "b");
        ServiceSpec[] directory = [MasterBench.Spec("a"), MasterBench.Spec("b"), MasterBench.Spec("c")];
        var id = OperationId.New(TimeProvider.System).Value;
        var request = await RequestAsync(bench, directory, r => r.ConfirmRemovals = 1);
        var call = bench.Admin.SyncAsync(request, MasterBench.Operation(id)).ResponseAsync;
        await MasterBench.UntilAsync(() => Task.FromResult(agent.Deploys.Any(d => d.Request.Spec.Name == "b")), "the agent has b");
        await bench.RestartAsync(async () =>
        {
            await Assert.ThrowsAsync<McpException>(() => call);
            await Assert.That(agent.Running.ContainsKey("c")).IsFalse();
            gate.SetResult();
            await MasterBench.UntilAsync(() => Task.FromResult(agent.Running.ContainsKey("b")), "the agent has done b");
        });
        var watched = await bench.Admin.Watch(new WatchRequest { Operation = id, After = 9 }).ResponseStream.ReadAllAsync().ToListAsync();
        await Assert.That(watched[^1].Outcome.Success).IsTrue().Because(watched[^1].Outcome.Error?.What ?? "it went on");
        await Assert.That(agent.Running.Keys).IsEquivalentTo(["a", "b", "c"]);
        await Assert.That(agent.Deploys.Select(d => d.Request.Spec.Name)).IsEquivalentTo(["old", "a", "b", "c"]);
        await Assert.That(agent.Deploys.Select(d => d.Operation).Skip(1)).IsEquivalentTo([$"{id}-0", $"{id}-1", $"{id}-2"]);
        var events = await EventsAsync(bench);
        await Assert.That(events.Single(e => e.Kind == "sync-resumed").Message).Contains($"in the middle of sync {id} of human/alice").And.Contains("of 4 services were done");
        await Assert.That(events.Select(e => e.Kind)).Contains("synced");
        var again = await bench.Admin.SyncAsync(request, MasterBench.Operation(id));
        await Assert.That((again.AlreadyDone, again.Results.Count)).IsEqualTo((true, 4));
        await Assert.That((await PlanAsync(bench, directory)).Changes).IsEqualTo(0u);
    }

    [Test]
    public async Task A_part_that_the_agent_never_heard_of_is_begun_again_by_the_next_process()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        agent.Swallow = "b";
        ServiceSpec[] directory = [MasterBench.Spec("a"), MasterBench.Spec("b"), MasterBench.Spec("c")];
        var id = OperationId.New(TimeProvider.System).Value;
        var call = bench.Admin.SyncAsync(await RequestAsync(bench, directory), MasterBench.Operation(id)).ResponseAsync;
        await MasterBench.UntilAsync(() => Task.FromResult(agent.Deploys.Any(d => d.Request.Spec.Name == "b")), "the agent has b");
        await bench.RestartAsync(async () =>
        {
            await Assert.ThrowsAsync<McpException>(() => call);
            agent.Swallow = null;
        });
        var watched = await bench.Admin.Watch(new WatchRequest { Operation = id }).ResponseStream.ReadAllAsync().ToListAsync();
        await Assert.That(watched[^1].Outcome.Success).IsTrue().Because(watched[^1].Outcome.Error?.What ?? "it went on");
        await Assert.That(agent.Deploys.Select(d => d.Operation)).IsEquivalentTo([$"{id}-0", $"{id}-1", $"{id}-1", $"{id}-2"]);
        await Assert.That(agent.Running.Keys).IsEquivalentTo(["a", "b", "c"]);
    }

    [Test]
    public async Task A_sync_and_a_deploy_of_one_service_wait_for_each_other_and_say_for_what()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        await SyncAsync(bench, [MasterBench.Spec("notes"), MasterBench.Spec("old")]);
        var gate = new TaskCompletionSource();
        (agent.Gate, agent.GateOnly) = (gate.Task, "notes");
        var bob = await bench.AddOperatorAsync("bob", "deploy");
        var deploy = bob.DeployAsync(new DeployRequest { Service = MasterBench.Spec("notes", s => s.Components[0].User = "1"), SeenGeneration = 1 }, MasterBench.Operation()).ResponseAsync;
        await MasterBench.UntilAsync(() => Task.FromResult(agent.Deploys.Count == 3), "bob's deploy is at work");
        var id = OperationId.New(TimeProvider.System).Value;
        var sync = bench.Admin.SyncAsync(await RequestAsync(bench, [MasterBench.Spec("notes", s => s.Components[0].User = "2"), MasterBench.Spec("old")]), MasterBench.Operation(id)).ResponseAsync;
        using var watch = bench.Admin.Watch(new WatchRequest { Operation = id });
        var waits = await watch.ResponseStream.ReadAllAsync().FirstAsync(e => e.Message.Contains("waiting: notes is held by deploy", StringComparison.Ordinal));
        var told3 = (waits.Step, waits.Message);
        await Assert.That(told3.Step == "redeploy notes" && told3.Message.EndsWith("of human/bob", StringComparison.Ordinal)).IsTrue().Because(told3.ToString());
        // A second sync waits for the first.
        var second = OperationId.New(TimeProvider.System).Value;
        var other = bench.Admin.SyncAsync(await RequestAsync(bench, [MasterBench.Spec("notes"), MasterBench.Spec("old")], expect: false), MasterBench.Operation(second)).ResponseAsync;
        using var secondWatch = bench.Admin.Watch(new WatchRequest { Operation = second });
        await Assert.That((await secondWatch.ResponseStream.ReadAllAsync().FirstAsync(e => e.Message.Length > 0)).Message).Contains($"fleet is held by sync {id} of human/alice");
        gate.SetResult();
        await deploy;
        // The sync meant generation 1: bob's change is not gone over unseen.
        var result = (await sync).Results.Single();
        var told4 = (result.Success, result.Error);
        await Assert.That(!told4.Success && told4.Error.Contains("notes was deployed by human/bob", StringComparison.Ordinal)).IsTrue().Because(told4.ToString());
        await Assert.That((await other).Results.Single().Success).IsTrue();
        await Assert.That(agent.Running["notes"].Spec.Components[0].User).IsEqualTo("");
    }

    [Test]
    public async Task What_was_deployed_anew_after_the_plan_is_not_removed()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        await SyncAsync(bench, [MasterBench.Spec("old")]);
        var gate = new TaskCompletionSource();
        (agent.Gate, agent.GateOnly) = (gate.Task, "memo");
        var sync = SyncAsync(bench, [MasterBench.Spec("memo")], r => r.ConfirmRemovals = 1);
        await MasterBench.UntilAsync(() => Task.FromResult(agent.Deploys.Any(d => d.Request.Spec.Name == "memo")), "the sync is at work");
        await bench.DeployAsync(MasterBench.Spec("old", s => s.Components[0].User = "1"), change: r => r.SeenGeneration = 1);
        gate.SetResult();
        var results = (await sync).Results;
        await Assert.That(results.Single(r => r.Service == "memo").Success).IsTrue();
        await Assert.That(results.Single(r => r.Service == "old").Error).Contains("the plan saw generation 1, so it was left alone");
        await Assert.That(agent.Running.Keys).IsEquivalentTo(["memo", "old"]);
    }

    [Test]
    public async Task Somebody_limited_to_some_services_syncs_these_alone()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        await SyncAsync(bench, [MasterBench.Spec("notes"), MasterBench.Spec("wiki")]);
        var bob = await bench.AddOperatorAsync("bob", "deploy", "notes");
        var reader = await bench.AddOperatorAsync("rita", "read");
        ServiceSpec[] own = [MasterBench.Spec("notes", s => s.Components[0].Env.Add("PASSWORD=opensesame"))];
        async Task<SyncResponse> As(McpMasterService.McpMasterServiceClient who, SyncRequest request) => await who.SyncAsync(request, MasterBench.Operation());
        var whole = await FaultAsync(() => As(bob, new SyncRequest { Services = { own }, ConfirmRemovals = 1, Overwrite = true }));
        var told5 = (whole.Code, whole.Hint);
        await Assert.That(told5.Code == FaultCode.PermissionDenied && told5.Hint!.Contains("mcp sync <service>", StringComparison.Ordinal)).IsTrue().Because(told5.ToString());
        var foreign = await FaultAsync(() => As(bob, new SyncRequest { Services = { own }, Only = { "notes", "wiki" }, ConfirmRemovals = 1, Overwrite = true }));
        await Assert.That(foreign.Message).Contains("human/bob may not change wiki");
        var smuggled = await FaultAsync(() => As(bob, new SyncRequest { Services = { own[0], MasterBench.Spec("wiki") }, Only = { "notes" }, Overwrite = true }));
        await Assert.That(smuggled.Code).IsEqualTo(FaultCode.PermissionDenied);
        var seen = (await As(reader, new SyncRequest { Services = { own }, DryRun = true, Overwrite = true })).Plan;
        await Assert.That(seen.Entries[0].Changes.Single(c => c.Field.EndsWith("PASSWORD", StringComparison.Ordinal)).New).Matches("^sha256:[0-9a-f]{6}$");
        await Assert.That((await FaultAsync(() => As(reader, new SyncRequest { Services = { own }, Only = { "notes" }, Overwrite = true }))).Code).IsEqualTo(FaultCode.PermissionDenied);
        await Assert.That((await As(bob, new SyncRequest { Services = { own }, Only = { "notes" }, Overwrite = true })).Results.Single().Success).IsTrue();
        await Assert.That(agent.Running.Keys).IsEquivalentTo(["notes", "wiki"]);
    }

    [Test]
    public async Task A_lock_is_free_when_its_holder_has_died()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        var gate = new TaskCompletionSource();
        agent.Gate = gate.Task;
        using var terminal = new CancellationTokenSource();
        var options = MasterBench.Operation().WithCancellationToken(terminal.Token);
        var sync = bench.Admin.SyncAsync(await RequestAsync(bench, [MasterBench.Spec("notes")]), options).ResponseAsync;
        await MasterBench.UntilAsync(() => Task.FromResult(!agent.Deploys.IsEmpty), "the sync is at work");
        // The operator's terminal dies; the sync goes on without it and lets go at its end.
        await terminal.CancelAsync();
        await Assert.That(async () => await sync).Throws<Exception>();
        gate.SetResult();
        var after = await SyncAsync(bench, [MasterBench.Spec("notes", s => s.Components[0].User = "1")], expect: false);
        await Assert.That(after.Results.Single().Success).IsTrue();
    }

    private static async Task<SyncResponse> SyncAsync(MasterBench bench, ServiceSpec[] directory, Action<SyncRequest>? change = null, string? id = null, bool expect = true) =>
        await bench.Admin.SyncAsync(await RequestAsync(bench, directory, change, expect), MasterBench.Operation(id));

    /// <summary>A request of somebody who has looked: with the plan's id, and going over whatever is there.</summary>
    private static async Task<SyncRequest> RequestAsync(MasterBench bench, ServiceSpec[] directory, Action<SyncRequest>? change = null, bool expect = true)
    {
        var request = new SyncRequest { Services = { directory }, Overwrite = true };
        change?.Invoke(request);
        if (expect && request.ExpectedPlan.Length == 0)
        {
            var look = request.Clone();
            look.DryRun = true;
            request.ExpectedPlan = (await bench.Admin.SyncAsync(look)).Plan.Id;
        }
        return request;
    }

    private static async Task<Plan> PlanAsync(MasterBench bench, ServiceSpec[] directory) =>
        (await bench.Admin.SyncAsync(new SyncRequest { Services = { directory }, DryRun = true, Overwrite = true })).Plan;

    private static async Task<List<FleetEvent>> EventsAsync(MasterBench bench) =>
        await bench.Admin.Events(new EventsRequest()).ResponseStream.ReadAllAsync().ToListAsync();

    private static async Task<McpException> FaultAsync(Func<Task> call) => (await Assert.ThrowsAsync<McpException>(call))!;
}
