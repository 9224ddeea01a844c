using Mcp.Errors;
using Mcp.Master;
using Mcp.Master.Deployments;
using Mcp.Master.Identity;
using Mcp.Master.Reading;
using Mcp.Master.Recovery;
using Mcp.Master.Registration;
using Mcp.V1;

namespace Mcp.Tests.Master.Recovery;

public class RecoveryTests
{
    [Test]
    public async Task A_restored_master_changes_nothing_before_it_has_heard_every_node_and_adopts_what_they_know()
    {
        await using var bench = await MasterBench.StartAsync();
        var orion = await bench.AddAgentAsync("orion");
        var vega = await bench.AddAgentAsync("vega");
        await bench.DeployAsync(MasterBench.Spec("notes", s => s.Node = "orion"));
        await RestoreAsync(bench, async () =>
        {
            // Since the copy was taken the data moved on, somebody was removed, and a deploy was under way.
            orion.Data["notes"].Epoch = 5;
            orion.Revocations = (900, ["human/bob"]);
            await vega.DisposeAsync();
        });
        await Assert.That(orion.Term).IsEqualTo(2UL);

        var status = await bench.Admin.StatusAsync(new StatusRequest());
        var finding = status.Findings.Single(f => f.Kind == "restored");
        await Assert.That((finding.Severity, finding.Command.EndsWith("mcp master accept-missing vega", StringComparison.Ordinal))).IsEqualTo(("error", true));
        await Assert.That(status.Findings.Select(f => f.Kind)).Contains("master behind");
        await Assert.That((await bench.Admin.DataListAsync(new DataListRequest())).Records.Single(r => r.State == "current").Epoch).IsEqualTo(5UL);
        var revoked = bench.Host.Parts.Database.Read(RevocationStore.All);
        await Assert.That(revoked).Contains("human/bob");
        await Assert.That(bench.Host.Parts.Directory.Revision).IsGreaterThan(900UL);

        var fault = await Assert.ThrowsAsync<McpException>(() => bench.DeployAsync(MasterBench.Spec("notes", s => s.Node = "orion"), change: r => r.Overwrite = true));
        await Assert.That((fault!.Code, fault.Hint!.Contains("mcp master accept-missing vega", StringComparison.Ordinal))).IsEqualTo((FaultCode.FailedPrecondition, true));
        await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.NodeAddAsync(new NodeAddRequest { Name = "lyra" }, MasterBench.Operation()));
        await Assert.That(bench.Host.Parts.Database.Read(OperationStore.Open).Select(o => o.Id)).IsEquivalentTo(["left-open"]);

        await Assert.ThrowsAsync<McpException>(async () => await bench.Admin.AcceptMissingAsync(new AcceptMissingRequest { Node = "orion" }, MasterBench.Operation()));
        var left = await bench.Admin.AcceptMissingAsync(new AcceptMissingRequest { Node = "vega" }, MasterBench.Operation());
        await Assert.That(left.Awaited).IsEmpty();
        await MasterBench.UntilAsync(() => Task.FromResult(bench.Host.Parts.Database.Read(OperationStore.Open).Count == 0), "the open operation is settled");
        await Assert.That(bench.Host.Parts.Database.Read(c => EventStore.After(c, 0, new EventsRequest(), 1000)).Select(e => e.Kind)).Contains("operation-settled").And.Contains("restored-complete");
        await bench.DeployAsync(MasterBench.Spec("notes", s => s.Node = "orion"), change: r => r.Overwrite = true);
        await Assert.That(orion.Deploys.Last().Request.Epoch).IsEqualTo(5UL);
    }

    [Test]
    public async Task A_restored_master_that_hears_everybody_works_at_once()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("orion");
        await RestoreAsync(bench, () => Task.CompletedTask);
        await Assert.That(bench.Host.Parts.Recovery.Awaited).IsEmpty();
        await bench.DeployAsync(MasterBench.Spec("notes"));
    }

    [Test]
    public async Task An_old_master_that_comes_back_does_not_start()
    {
        await using var bench = await MasterBench.StartAsync();
        var orion = await bench.AddAgentAsync("orion");
        var vega = await bench.AddAgentAsync("vega");
        var fault = await Assert.ThrowsAsync<McpException>(() => bench.RestartAsync(() =>
        {
            (orion.Term, vega.Term) = (2, 2);
            return Task.CompletedTask;
        }));
        await Assert.That(fault!.Step).IsEqualTo(TermWatch.Step);
        await Assert.That(fault.Message).Contains("obey term 2");
        await Assert.That(fault.Hint!).Contains("10.0.0.9:9555");
    }

    [Test]
    public async Task A_single_node_that_claims_another_master_is_a_finding_and_ends_nobody()
    {
        await using var bench = await MasterBench.StartAsync();
        await bench.AddAgentAsync("orion");
        await bench.AddAgentAsync("vega");
        var lyra = await bench.AddAgentAsync("lyra");
        await bench.RestartAsync(() =>
        {
            lyra.Term = 7;
            return Task.CompletedTask;
        });
        await Assert.That((await bench.Admin.StatusAsync(new StatusRequest())).Findings.Where(f => f.Kind == "term refused").Select(f => f.Node)).IsEquivalentTo(["lyra"]);
        await Assert.That(bench.Host.Parts.Terms.Outlived.IsCompleted).IsFalse();
    }

    [Test]
    public async Task A_running_master_ends_when_its_nodes_register_with_a_higher_term()
    {
        await using var bench = await MasterBench.StartAsync();
        var orion = await bench.AddAgentAsync("orion");
        bench.Host.Parts.GrantRegister("orion");
        var fault = await Assert.ThrowsAsync<McpException>(async () => await bench.Agent("orion").RegisterAsync(
            new RegisterRequest { Name = "orion", Role = "worker", Address = orion.Address, Term = 2 }, MasterBench.Operation()));
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.FailedPrecondition);
        var reason = await bench.Host.Parts.Terms.Outlived.WaitAsync(TimeSpan.FromSeconds(30));
        await Assert.That(reason.Hint!).Contains("systemctl disable --now mcp-master");
    }

    // What `mcp master restore` leaves behind: an older copy of the database, marked, with an operation that was open when it was taken.
    private static Task RestoreAsync(MasterBench bench, Func<Task> since) => bench.RestartAsync(async () =>
    {
        using (var database = MasterDatabase.Open(bench.Configuration.Database, TimeProvider.System))
        {
            database.Write(c =>
            {
                OperationStore.Begin(c, new OperationRow
                {
                    Id = "left-open",
                    Kind = "restart",
                    Service = "notes",
                    Node = "",
                    Principal = "human/alice",
                    RequestKey = "k",
                    Request = [],
                    State = "running",
                    Started = "2026-04-01T00:00:00Z",
                });
                RecoveryStore.Begin(c, "2026-04-01T00:00:00Z");
            });
        }
        await since();
    });
}
