using Grpc.Core;
using Mcp.Errors;
using Mcp.Names;
using Mcp.V1;

namespace Mcp.Tests.Master;

public class DeployTests
{
    [Test]
    public async Task Six_deploys_spread_over_two_workers_and_a_redeploy_stays_put()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("vega");
        await bench.AddAgentAsync("orion");
        await bench.AddAgentAsync("edge", "edge");
        var answers = await Task.WhenAll(Enumerable.Range(1, 6).Select(i => bench.DeployAsync(MasterBench.Spec($"s{i}"))));
        await Assert.That(answers.GroupBy(a => a.Node).Select(g => (g.Key, g.Count()))).IsEquivalentTo(new[] { ("orion", 3), ("vega", 3) });
        await Assert.That(answers.All(a => a is { Success: true, Generation: 1 })).IsTrue();
        var changed = MasterBench.Spec("s1", s => s.Components[0].Env.Add("LOG=debug"));
        var again = await bench.DeployAsync(changed, change: r => r.SeenGeneration = 1);
        await Assert.That((again.Node, again.Generation)).IsEqualTo((answers[0].Node, 2UL));
    }

    [Test]
    public async Task No_candidate_names_each_node_and_why()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("edge", "edge");
        var fault = await FaultAsync(() => bench.DeployAsync(MasterBench.Spec("notes")));
        await Assert.That(fault.Code).IsEqualTo(FaultCode.FailedPrecondition);
        await Assert.That(fault.Cause!).Contains("edge is an edge node");
        await Assert.That((await bench.Admin.ListAsync(new ListRequest())).Services).IsEmpty();
    }

    [Test]
    public async Task A_repeated_operation_id_gives_the_same_outcome_and_deploys_once()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        var id = OperationId.New(TimeProvider.System).Value;
        var both = await Task.WhenAll(bench.DeployAsync(MasterBench.Spec("notes"), id), bench.DeployAsync(MasterBench.Spec("notes"), id));
        var third = await bench.DeployAsync(MasterBench.Spec("notes"), id);
        await Assert.That(third.AlreadyDone).IsTrue();
        await Assert.That(both.Append(third).Select(a => a.Generation).Distinct()).IsEquivalentTo(new[] { 1UL });
        await Assert.That(agent.Deploys.Count).IsEqualTo(1);
        var other = await FaultAsync(() => bench.DeployAsync(MasterBench.Spec("wiki"), id));
        await Assert.That(other.Code).IsEqualTo(FaultCode.InvalidArgument);
    }

    [Test]
    public async Task A_deploy_over_a_generation_that_was_not_seen_is_refused_with_who_and_what()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        var changed = MasterBench.Spec("notes", s => s.Components[0].Image = "registry.example.net/app:v2");
        var fault = await FaultAsync(() => bench.DeployAsync(changed));
        await Assert.That(fault.Code).IsEqualTo(FaultCode.FailedPrecondition);
        await Assert.That(fault.Message).Contains("human/alice");
        await Assert.That(fault.Cause!).Contains("app:v2");
        var answer = await bench.DeployAsync(changed, change: r => r.Overwrite = true);
        await Assert.That(answer.Generation).IsEqualTo(2UL);
    }

    [Test]
    public async Task A_lost_answer_is_asked_for_and_never_guessed()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        agent.LoseAnswer = true;
        var answer = await bench.DeployAsync(MasterBench.Spec("notes"));
        await Assert.That(answer.Success).IsTrue();
        await Assert.That(agent.Deploys.Count).IsEqualTo(1);
        await Assert.That((await bench.Admin.GetServiceAsync(new GetServiceRequest { ServiceName = "notes" })).State).IsEqualTo("placed");
    }

    [Test]
    public async Task A_failed_first_deploy_leaves_nothing_and_says_the_agents_words()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        agent.FailWith = "notes never answered on /healthz";
        var id = OperationId.New(TimeProvider.System).Value;
        var spec = MasterBench.Spec("notes", s => s.Components[0].Routes.Add(new RouteSpec { Name = "web", Port = 8443, Mode = "l7", Hostname = "notes.example.org" }));
        var fault = await FaultAsync(() => bench.DeployAsync(spec, id));
        await Assert.That((fault.Code, fault.Message, fault.Node, fault.Step)).IsEqualTo((FaultCode.FailedPrecondition, "notes never answered on /healthz", "orion", "health"));
        await Assert.That((await bench.Admin.ListAsync(new ListRequest())).Services).IsEmpty();
        await Assert.That((await bench.Admin.ListOperationsAsync(new ListOperationsRequest())).Operations.Single().State).IsEqualTo("put-back");
        // The name is free again, and the same id tells the same story.
        agent.FailWith = null;
        spec.Name = "wiki";
        await bench.DeployAsync(spec);
        spec.Name = "notes";
        await Assert.That((await FaultAsync(() => bench.DeployAsync(spec, id))).Message).IsEqualTo("notes never answered on /healthz");
    }

    [Test]
    public async Task A_hostname_belongs_to_one_service_until_its_undeploy()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("orion");
        ServiceSpec With(string name) => MasterBench.Spec(name, s => s.Components[0].Routes.Add(new RouteSpec { Name = "web", Port = 8443, Mode = "l7", Hostname = "notes.example.org" }));
        await bench.DeployAsync(With("notes"));
        var fault = await FaultAsync(() => bench.DeployAsync(With("wiki")));
        await Assert.That(fault.Code).IsEqualTo(FaultCode.AlreadyExists);
        await Assert.That(fault.Message).Contains("notes");
        await bench.Admin.UndeployAsync(new UndeployRequest { ServiceName = "notes" }, MasterBench.Operation());
        await Assert.That((await bench.DeployAsync(With("wiki"))).Success).IsTrue();
        var foreign = MasterBench.Spec("other", s => s.Components[0].Routes.Add(new RouteSpec { Name = "web", Port = 8443, Mode = "l7", Hostname = "notes.svc.fleet.example" }));
        await Assert.That((await FaultAsync(() => bench.DeployAsync(foreign))).Code).IsEqualTo(FaultCode.FailedPrecondition);
    }

    [Test]
    public async Task A_service_goes_back_to_its_data_and_nowhere_else()
    {
        await using var bench = await MasterBench.StartAsync();
        var orion = await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        var undeployed = await bench.Admin.UndeployAsync(new UndeployRequest { ServiceName = "notes" }, MasterBench.Operation());
        await Assert.That(undeployed.Data.Node).IsEqualTo("orion");
        await Assert.That(orion.Running.ContainsKey("notes")).IsFalse();
        await bench.AddAgentAsync("a-new-one");
        var back = await bench.DeployAsync(MasterBench.Spec("notes"));
        await Assert.That(back.Node).IsEqualTo("orion");
        var volume = orion.Deploys.First().Request.VolumeId;
        await Assert.That(orion.Deploys.Last().Request.VolumeId).IsEqualTo(volume);
        var moved = MasterBench.Spec("notes", s => s.Node = "a-new-one");
        var fault = await FaultAsync(() => bench.DeployAsync(moved, change: r => r.SeenGeneration = 1));
        await Assert.That(fault.Hint!).Contains("mcp migrate notes --to a-new-one");
    }

    [Test]
    public async Task A_master_killed_between_the_agents_deploy_and_its_own_commit_converges()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        var gate = new TaskCompletionSource();
        agent.Gate = gate.Task;
        var id = OperationId.New(TimeProvider.System).Value;
        var call = bench.DeployAsync(MasterBench.Spec("notes"), id);
        await MasterBench.UntilAsync(() => Task.FromResult(!agent.Deploys.IsEmpty), "the agent has the deploy");
        await bench.RestartAsync(async () =>
        {
            try
            {
                await call;
            }
            catch (McpException)
            {
                // The call dies with its master.
            }
            gate.SetResult();
            await MasterBench.UntilAsync(() => Task.FromResult(agent.Running.ContainsKey("notes")), "the agent has done it");
        });
        await MasterBench.UntilAsync(async () => (await bench.Admin.ListOperationsAsync(new ListOperationsRequest { OpenOnly = true })).Operations.Count == 0, "no operation is open");
        var got = await bench.Admin.GetServiceAsync(new GetServiceRequest { ServiceName = "notes" });
        await Assert.That((got.State, got.Generation, got.Node)).IsEqualTo(("placed", 1UL, "orion"));
        var again = await bench.DeployAsync(MasterBench.Spec("notes"), id);
        await Assert.That(again.AlreadyDone).IsTrue();
        await Assert.That(agent.Deploys.Count).IsEqualTo(1);
        var replayed = await bench.Admin.Watch(new WatchRequest { Operation = id }).ResponseStream.ReadAllAsync().ToListAsync();
        await Assert.That(replayed[^1].Outcome.Success).IsTrue();
        await Assert.That(replayed.Select(e => e.Step)).Contains("place").And.Contains("deploy");
        var events = await bench.Admin.Events(new EventsRequest { Service = "notes" }).ResponseStream.ReadAllAsync().ToListAsync();
        var settled = events.Single(e => e.Kind == "operation-settled");
        await Assert.That((settled.Operation, settled.Node, settled.Severity)).IsEqualTo((id, "orion", "info"));
        await Assert.That(settled.Message).Contains("orion has done it");
    }

    [Test]
    public async Task What_only_a_silent_node_knows_stays_open_and_nothing_else_happens_to_the_service()
    {
        await using var bench = await MasterBench.StartAsync(c => c with { Timeouts = c.Timeouts with { Deploy = TimeSpan.FromSeconds(2) } });
        var agent = await bench.AddAgentAsync("orion");
        (agent.LoseAnswer, agent.Mute) = (true, true);
        var fault = await FaultAsync(() => bench.DeployAsync(MasterBench.Spec("notes")));
        await Assert.That(fault.Code).IsEqualTo(FaultCode.DeadlineExceeded);
        var refused = await FaultAsync(() => bench.DeployAsync(MasterBench.Spec("notes")));
        await Assert.That((refused.Code, refused.Node)).IsEqualTo((FaultCode.Unavailable, "orion"));
        agent.Mute = false;
        await MasterBench.UntilAsync(async () => (await bench.Admin.ListAsync(new ListRequest())).Services.Single().State == "placed", "the deploy is settled");
    }

    [Test]
    public async Task Status_shows_what_is_seen_and_a_dead_nodes_services_are_unknown()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        var status = await bench.Admin.StatusAsync(new StatusRequest());
        await Assert.That(status.Services.Single().Status).IsEqualTo("running");
        await Assert.That(status.Findings).IsEmpty();
        agent.Running.Clear();
        status = await bench.Admin.StatusAsync(new StatusRequest());
        await Assert.That(status.Findings.Single().Kind).IsEqualTo("stale");
        await agent.DisposeAsync();
        status = await bench.Admin.StatusAsync(new StatusRequest());
        await Assert.That(status.Services.Single().Status).IsEqualTo("unknown");
        var ps = await bench.Admin.PsAsync(new PsRequest());
        await Assert.That(ps.Silent.Single().Services).IsEquivalentTo(new[] { "notes" });
    }

    [Test]
    public async Task Stop_and_start_change_what_is_wished_and_a_rollback_brings_an_earlier_generation_back()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        await bench.DeployAsync(MasterBench.Spec("notes", s => s.Components[0].Env.Add("A=1")), change: r => r.SeenGeneration = 1);
        await bench.Admin.StopAsync(new LifecycleRequest { ServiceName = "notes" }, MasterBench.Operation());
        await Assert.That((await bench.Admin.GetServiceAsync(new GetServiceRequest { ServiceName = "notes" })).Spec.Active).IsFalse();
        await bench.Admin.StartAsync(new LifecycleRequest { ServiceName = "notes" }, MasterBench.Operation());
        var back = await bench.Admin.RollbackAsync(new RollbackRequest { ServiceName = "notes", SeenGeneration = 2 }, MasterBench.Operation());
        var unseen = await FaultAsync(async () => await bench.Admin.RollbackAsync(new RollbackRequest { ServiceName = "notes", SeenGeneration = 2 }, MasterBench.Operation()));
        await Assert.That(unseen.Message).Contains("notes was deployed by human/alice").And.Contains("(generation 3); this rollback last saw generation 2");
        await Assert.That(unseen.Hint!).Contains("mcp rollback notes --overwrite");
        await Assert.That(back.Generation).IsEqualTo(3UL);
        await Assert.That(agent.Running["notes"].Spec.Components[0].Env).IsEmpty();
        await Assert.That((await bench.Admin.HistoryAsync(new HistoryRequest { ServiceName = "notes" })).Generations.Count).IsEqualTo(3);
    }

    private static async Task<McpException> FaultAsync(Func<Task> call) => (await Assert.ThrowsAsync<McpException>(call))!;
}
