using Grpc.Core;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Master.Identity;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Tests.Master;

public class FleetTests
{
    [Test]
    public async Task A_node_has_joined_once_the_master_has_called_it_back()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.Admin.NodeAddAsync(new NodeAddRequest { Name = "orion", Role = "worker" }, MasterBench.Operation());
        await Assert.That((await bench.NodeAsync("orion")).Joined).IsFalse();
        await bench.AddAgentAsync("orion");
        var node = await bench.NodeAsync("orion");
        await Assert.That((node.Joined, node.Role, node.Status)).IsEqualTo((true, "worker", "healthy"));
    }

    [Test]
    public async Task A_replayed_token_an_expired_one_and_no_certificate_are_refused_with_their_status()
    {
        await using var bench = await MasterBench.StartAsync();
        var added = await bench.Admin.OperatorAddAsync(new OperatorAddRequest { Name = "bob", Role = "read" }, MasterBench.Operation());
        _ = JoinToken.TryParse(added.Token, out var token);
        var (bob, _) = await bench.JoinAsync(token!, null);
        var replay = await Assert.ThrowsAsync<McpException>(() => bench.JoinAsync(token!, null));
        await Assert.That(replay!.Code).IsEqualTo(FaultCode.Unauthenticated);
        var nobody = await Assert.ThrowsAsync<McpException>(async () => await bench.Call(null).ListNodesAsync(new ListNodesRequest()));
        await Assert.That(nobody!.Code).IsEqualTo(FaultCode.Unauthenticated);
        var reader = await Assert.ThrowsAsync<McpException>(async () => await bench.Call(bob).NodeAddAsync(new NodeAddRequest { Name = "x" }, MasterBench.Operation()));
        await Assert.That(reader!.Code).IsEqualTo(FaultCode.PermissionDenied);
        await MasterBench.UntilAsync(
            () => Task.FromResult(bench.Host.Parts.Database.Read(c => AuditStore.Last(c, 100)).Count(r => r.Outcome is "Unauthenticated" or "PermissionDenied") >= 3), "the refusals are in the audit");
    }

    [Test]
    public async Task A_removed_operators_open_stream_is_cut()
    {
        await using var bench = await MasterBench.StartAsync();
        var added = await bench.Admin.OperatorAddAsync(new OperatorAddRequest { Name = "bob", Role = "read" }, MasterBench.Operation());
        _ = JoinToken.TryParse(added.Token, out var token);
        var (credentials, _) = await bench.JoinAsync(token!, null);
        var bob = bench.Call(credentials);
        await bob.ListNodesAsync(new ListNodesRequest());
        using var events = bob.Events(new EventsRequest { Follow = true });
        var reading = Task.Run(async () =>
        {
            await foreach (var _ in events.ResponseStream.ReadAllAsync())
            {
            }
        });
        await bench.Admin.OperatorRemoveAsync(new OperatorRemoveRequest { Name = "bob" }, MasterBench.Operation());
        await Assert.ThrowsAsync<McpException>(() => reading.WaitAsync(TimeSpan.FromSeconds(30)));
        var fault = await Assert.ThrowsAsync<McpException>(async () => await bob.ListNodesAsync(new ListNodesRequest()));
        await Assert.That(fault!.Code is FaultCode.Unauthenticated or FaultCode.PermissionDenied).IsTrue();
    }

    [Test]
    public async Task A_second_live_agent_of_a_name_is_refused_and_becomes_a_finding()
    {
        await using var bench = await MasterBench.StartAsync();
        var orion = await bench.AddAgentAsync("orion");
        await using var clone = new FakeAgent("orion");
        bench.Host.Parts.GrantRegister("orion");
        await clone.StartAsync(bench.CredentialsOf("orion"), bench.Trust, MasterBench.Domain);
        var fault = await Assert.ThrowsAsync<McpException>(() => bench.RegisterAsync(clone));
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.AlreadyExists);
        await Assert.That((await bench.NodeAsync("orion")).Address).IsEqualTo(orion.Address);
        await Assert.That((await bench.Admin.StatusAsync(new StatusRequest())).Findings.Single().Kind).IsEqualTo("cloned identity");
        // Once the first one is gone, the node has simply moved.
        await orion.DisposeAsync();
        bench.Host.Parts.GrantRegister("orion");
        await bench.RegisterAsync(clone);
        await Assert.That((await bench.NodeAsync("orion")).Address).IsEqualTo(clone.Address);
    }

    [Test]
    public async Task A_dead_agent_is_noticed_without_waiting_for_heartbeats()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        await MasterBench.UntilAsync(() => Task.FromResult(agent.IsFollowed), "the master follows the agent's events");
        await agent.DisposeAsync();
        await MasterBench.UntilAsync(async () => (await bench.NodeAsync("orion")).Status == "unhealthy", "orion is unhealthy");
        await Assert.That((await bench.NodeAsync("orion")).Detail).Contains("does not answer");
        var fault = await Assert.ThrowsAsync<McpException>(() => bench.DeployAsync(MasterBench.Spec("notes", s => s.Node = "orion")));
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.FailedPrecondition);
    }

    [Test]
    public async Task What_is_asked_of_a_dead_node_is_refused_at_once_and_nothing_stays_open()
    {
        await using var bench = await MasterBench.StartAsync();
        var agent = await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        await MasterBench.UntilAsync(() => Task.FromResult(agent.IsFollowed), "the master follows the agent's events");
        await agent.DisposeAsync();
        await MasterBench.UntilAsync(async () => (await bench.NodeAsync("orion")).Status == "unhealthy", "orion is unhealthy");
        var fault = await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.UndeployAsync(new UndeployRequest { ServiceName = "notes" }, MasterBench.Operation()));
        await Assert.That((fault!.Code, fault.Node)).IsEqualTo((FaultCode.FailedPrecondition, "orion"));
        fault = await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.RestartAsync(new LifecycleRequest { ServiceName = "notes" }, MasterBench.Operation()));
        await Assert.That(fault!.Hint!).Contains("--lost");
        await Assert.That((await bench.Admin.ListOperationsAsync(new ListOperationsRequest { OpenOnly = true })).Operations).IsEmpty();
    }

    [Test]
    public async Task A_follower_does_not_hold_up_the_end_of_the_master()
    {
        await using var bench = await MasterBench.StartAsync();
        using var events = bench.Admin.Events(new EventsRequest { Follow = true });
        var reading = Task.Run(async () =>
        {
            await foreach (var _ in events.ResponseStream.ReadAllAsync())
            {
            }
        });
        await bench.Admin.NodeAddAsync(new NodeAddRequest { Name = "orion" }, MasterBench.Operation());
        await bench.Host.DisposeAsync();
        // In the words of the master, or of the connection that ended with it: both say that trying again helps.
        var fault = await Assert.ThrowsAsync<McpException>(() => reading);
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.Unavailable);
    }

    [Test]
    public async Task A_node_with_services_is_removed_only_when_it_is_lost()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        var fault = await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.NodeRemoveAsync(new NodeRemoveRequest { Name = "orion" }, MasterBench.Operation()));
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.FailedPrecondition);
        await Assert.That(fault.Message).Contains("notes");
        var removed = await bench.Admin.NodeRemoveAsync(new NodeRemoveRequest { Name = "orion", Lost = true }, MasterBench.Operation());
        await Assert.That(removed.Remaining).IsNotEmpty();
        var refused = await Assert.ThrowsAsync<McpException>(async () => await bench.Agent("orion").HeartbeatAsync(new HeartbeatRequest { Name = "orion" }));
        await Assert.That(refused!.Code is FaultCode.Unauthenticated or FaultCode.PermissionDenied).IsTrue();
    }

    [Test]
    public async Task A_cordoned_node_gets_nothing_new_and_a_role_that_does_not_fit_is_refused()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("orion");
        var hub = await bench.AddAgentAsync("hub", "master");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        await bench.DeployAsync(MasterBench.Spec("registry", s => s.Tier = "core"));
        await bench.Admin.NodeCordonAsync(new NodeCordonRequest { Name = "orion", Cordoned = true }, MasterBench.Operation());
        await Assert.That((await bench.NodeAsync("orion")).Cordoned).IsTrue();
        await Assert.That((await bench.DeployAsync(MasterBench.Spec("wiki"))).Node).IsEqualTo("hub").Because("no other worker takes it");
        await Assert.That((await bench.DeployAsync(MasterBench.Spec("notes", s => s.Components[0].User = "1"), change: r => r.SeenGeneration = 1)).Node).IsEqualTo("orion").Because("what is there stays");
        await bench.Admin.NodeCordonAsync(new NodeCordonRequest { Name = "orion" }, MasterBench.Operation());
        await Assert.That((await bench.DeployAsync(MasterBench.Spec("memo"))).Node).IsEqualTo("orion");

        async Task<McpException> Refused(NodeSetRequest request) => (await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.NodeSetAsync(request, MasterBench.Operation())))!;
        await Assert.That((await Refused(new NodeSetRequest { Name = "orion", Role = "edge" })).Message).Contains("runs memo, notes; an edge node runs no services");
        await Assert.That((await Refused(new NodeSetRequest { Name = "hub", Role = "worker" })).Message).Contains("runs the core service registry");
        await Assert.That((await Refused(new NodeSetRequest { Name = "orion", Role = "master" })).Message).Contains("has its master node already: hub");
        await Assert.That((await Refused(new NodeSetRequest { Name = "orion", Address = hub.Address })).Message).Contains("belongs to node hub");
        await Assert.That((await Refused(new NodeSetRequest { Name = "nix", Role = "edge" })).Code).IsEqualTo(FaultCode.NotFound);
        await bench.Admin.UndeployAsync(new UndeployRequest { ServiceName = "notes" }, MasterBench.Operation());
        await bench.Admin.UndeployAsync(new UndeployRequest { ServiceName = "memo" }, MasterBench.Operation());
        await Assert.That((await Refused(new NodeSetRequest { Name = "orion", Role = "edge" })).Message).Contains("holds data of memo, notes");
        var remaining = await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.NodeRemoveAsync(new NodeRemoveRequest { Name = "orion" }, MasterBench.Operation()));
        await Assert.That(remaining!.Message).Contains("data of memo (current, epoch 1), data of notes (current, epoch 1)");
        bench.Host.Parts.Database.Write(c => c.Execute("INSERT INTO edge_routes(hostname, service, route, edge_node, backend_hostname, backend_port, state) VALUES('n.example.org', 'notes', 'web', 'orion', 'notes.svc.fleet.example', 8443, 'active')"));
        remaining = await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.NodeRemoveAsync(new NodeRemoveRequest { Name = "orion" }, MasterBench.Operation()));
        await Assert.That(remaining!.Message).Contains("edge route n.example.org");
        var told = await bench.Admin.Events(new EventsRequest { Node = "orion" }).ResponseStream.ReadAllAsync().Select(e => e.Kind).ToListAsync();
        await Assert.That(told).Contains("node-cordoned").And.Contains("node-uncordoned");
    }

    [Test]
    public async Task A_higher_epoch_at_an_agent_is_adopted_and_a_lower_one_is_superseded()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        await bench.AddAgentAsync("vega");
        bench.Host.Parts.GrantRegister("vega");
        var vega = bench.AgentOf("vega");
        var answer = await bench.RegisterAsync(vega, "worker", new OwnedService { Name = "notes", Epoch = 3, VolumeId = "v3" });
        await Assert.That(answer.Superseded).IsEmpty();
        await Assert.That((await bench.Admin.DataListAsync(new DataListRequest())).Records.Single(r => r.State == "current").Node).IsEqualTo("vega");
        bench.Host.Parts.GrantRegister("orion");
        answer = await bench.RegisterAsync(bench.AgentOf("orion"), "worker", new OwnedService { Name = "notes", Epoch = 1, VolumeId = "v1", Running = true });
        await Assert.That(answer.Superseded.Single()).IsEqualTo(new SupersededService { Service = "notes", Node = "vega", Epoch = 3 });
        // orion held it by the record until vega came; it is told with its next heartbeat that it must hear the verdict.
        var kinds = (await bench.Admin.StatusAsync(new StatusRequest())).Findings.Select(f => f.Kind).ToList();
        await Assert.That(kinds).Contains("master behind");
        await Assert.That(kinds).Contains("superseded");
    }

    [Test]
    public async Task Whoever_held_what_another_node_has_in_a_higher_epoch_must_register_at_its_next_heartbeat()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes", s => s.Node = "orion"));
        await bench.AddAgentAsync("vega");
        await Assert.That((await bench.Agent("orion").HeartbeatAsync(new HeartbeatRequest { Name = "orion" })).RegisterAgain).IsFalse();
        bench.Host.Parts.GrantRegister("vega");
        await bench.RegisterAsync(bench.AgentOf("vega"), "worker", new OwnedService { Name = "notes", Epoch = 2, VolumeId = "v2" });
        await Assert.That(bench.Host.Parts.Board.Of("orion").Registered).IsFalse();
        // The service is placed on orion, and its data is vega's: nothing is done before somebody chooses.
        var fault = await Assert.ThrowsAsync<McpException>(() => bench.DeployAsync(MasterBench.Spec("notes", s => s.Components[0].Env.Add("A=1")), change: r => r.Overwrite = true));
        await Assert.That(fault!.Hint!).Contains("mcp data accept notes --on orion");
    }

    [Test]
    public async Task A_higher_epoch_on_the_services_own_node_goes_into_its_next_deploy()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes"));
        bench.Host.Parts.GrantRegister("orion");
        await bench.RegisterAsync(bench.AgentOf("orion"), "worker", new OwnedService { Name = "notes", Epoch = 4, VolumeId = "v4", Running = true });
        var finding = (await bench.Admin.StatusAsync(new StatusRequest())).Findings.Single(f => f.Kind == "master behind");
        await Assert.That(finding.Command).IsEqualTo("mcp deploy notes");
        await bench.DeployAsync(MasterBench.Spec("notes", s => s.Components[0].Env.Add("A=1")), change: r => r.Overwrite = true);
        await Assert.That(bench.AgentOf("orion").Deploys.Last().Request.Epoch).IsEqualTo(4UL);
        await Assert.That((await bench.Admin.StatusAsync(new StatusRequest())).Findings.Select(f => f.Kind)).DoesNotContain("master behind");
    }

    [Test]
    public async Task A_node_that_holds_something_else_than_it_said_registers_again()
    {
        await using var bench = await MasterBench.StartAsync();
        var orion = await bench.AddAgentAsync("orion");
        bench.Host.Parts.GrantRegister("orion");
        await bench.Agent("orion").RegisterAsync(new RegisterRequest { Name = "orion", Role = "worker", Address = orion.Address, Owned = "one" }, MasterBench.Operation());
        var registering = bench.Host.Parts.Registering;
        var caller = new Mcp.Transport.Caller(Mcp.Names.Principal.AgentOf(Mcp.Names.NodeName.Parse("orion")), Mcp.Transport.CallerState.Valid, "127.0.0.1:1", null, "k");
        await Assert.That((await registering.HeartbeatAsync(caller, new HeartbeatRequest { Name = "orion", Owned = "one" })).RegisterAgain).IsFalse();
        await Assert.That((await registering.HeartbeatAsync(caller, new HeartbeatRequest { Name = "orion" })).RegisterAgain).IsFalse();
        await Assert.That((await registering.HeartbeatAsync(caller, new HeartbeatRequest { Name = "orion", Owned = "two" })).RegisterAgain).IsTrue();
    }

    [Test]
    public async Task Two_nodes_that_come_at_once_do_not_share_the_last_place()
    {
        await using var bench = await MasterBench.StartAsync(c => c with { MaxNodes = 2 });
        await bench.AddAgentAsync("orion");
        var answers = new List<Task>();
        foreach (var name in new[] { "vega", "lyra", "altair" })
        {
            var added = await bench.Admin.NodeAddAsync(new NodeAddRequest { Name = name }, MasterBench.Operation());
            _ = JoinToken.TryParse(added.Token, out var token);
            var (credentials, _) = await bench.JoinAsync(token!, null);
            var agent = bench.Call(credentials);
            var port = 20_000 + answers.Count;
            answers.Add(Task.Run(async () => await agent.RegisterAsync(new RegisterRequest { Name = name, Role = "worker", Address = $"127.0.0.1:{port}" }, MasterBench.Operation())));
        }
        await Task.WhenAll(answers.Select(a => a.ContinueWith(_ => { }, TaskScheduler.Default)));
        await Assert.That(answers.Count(a => a.IsCompletedSuccessfully)).IsEqualTo(1);
        await Assert.That(answers.Where(a => a.IsFaulted).Select(a => ((McpException)a.Exception!.InnerException!).Code)).IsEquivalentTo([FaultCode.ResourceExhausted, FaultCode.ResourceExhausted]);
    }

    [Test]
    public async Task Data_that_lost_its_owner_is_not_replaced_by_an_empty_start_elsewhere()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("orion");
        await bench.DeployAsync(MasterBench.Spec("notes", s => s.Node = "orion"));
        await bench.Admin.UndeployAsync(new UndeployRequest { ServiceName = "notes" }, MasterBench.Operation());
        await bench.AddAgentAsync("vega");
        bench.Host.Parts.GrantRegister("vega");
        await bench.RegisterAsync(bench.AgentOf("vega"), "worker", new OwnedService { Name = "notes", Epoch = 2, VolumeId = "v2" });
        await bench.Admin.NodeRemoveAsync(new NodeRemoveRequest { Name = "vega", Lost = true }, MasterBench.Operation());
        var fault = await Assert.ThrowsAsync<McpException>(() => bench.DeployAsync(MasterBench.Spec("notes")));
        await Assert.That((fault!.Code, fault.Hint!.Contains("mcp data accept notes --on orion", StringComparison.Ordinal))).IsEqualTo((FaultCode.FailedPrecondition, true));
    }

    [Test]
    public async Task What_was_deployed_without_the_master_is_taken_over_where_it_runs()
    {
        await using var bench = await MasterBench.StartAsync();
        var orion = await bench.AddAgentAsync("orion");
        await bench.AddAgentAsync("vega");
        await bench.DeployAsync(MasterBench.Spec("mail", s => s.Node = "orion"));
        var spec = MasterBench.Spec("notes");
        orion.Running["notes"] = new AgentDeployRequest { Spec = spec };
        orion.Data["notes"] = new DataRecord { Service = "notes", Node = "orion", Epoch = 1, VolumeId = "direct", State = "current" };
        // Placed anew it would go to vega, which has fewer containers, and run twice.
        var answer = await bench.DeployAsync(spec);
        await Assert.That(answer.Node).IsEqualTo("orion");
        await Assert.That(orion.Deploys.Last().Request.VolumeId).IsEqualTo("direct");
        await Assert.That(bench.AgentOf("vega").Deploys).IsEmpty();
    }
}
