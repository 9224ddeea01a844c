using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Sqlite;
using Mcp.V1;

namespace Mcp.Tests.Agent.Registry;

/// <summary>The registry's stores on a real database.</summary>
internal sealed class StoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mcpt-").FullName;
    private readonly Database _database;

    public StoreTests() => _database = AgentDatabase.Open(Path.Combine(_folder, "mcp.db"), TimeProvider.System);

    public void Dispose()
    {
        _database.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static RegisteredServiceRow Row(ulong generation, string name = "notes") => new(
        name, new ServiceSpec { Name = name, Tier = "worker" }, "hash" + generation, generation, true, "", "op-" + generation, "human/alice", "2026-01-01T00:00:00Z",
        [new RegisteredComponentRow(name, "web", $"{name}-web", "id" + generation, "ch", "made", new ComponentImage { Component = "web", Reference = "r", Digest = "d", ImageId = "i" })]);

    [Test]
    public async Task A_service_survives_the_database_and_keeps_ten_generations()
    {
        var store = new ServiceStore(_database);
        for (var generation = 1UL; generation <= 13; generation++)
            _database.Write(c => ServiceStore.Commit(c, Row(generation)));
        var found = store.Find("notes")!;
        await Assert.That(found.Generation).IsEqualTo(13UL);
        await Assert.That(found.Spec).IsEqualTo(Row(13).Spec);
        await Assert.That(found.Components.Single()).IsEqualTo(Row(13).Components.Single());
        await Assert.That(store.Generations("notes", "orion").Select(g => g.Generation)).IsEquivalentTo(Enumerable.Range(4, 10).Select(g => (ulong)g).Reverse());
        _database.Write(c => ServiceStore.Remove(c, "notes"));
        await Assert.That(store.Find("notes")).IsNull();
        await Assert.That(store.LastGeneration("notes")).IsEqualTo(13UL);
    }

    [Test]
    public async Task A_term_never_goes_back_and_moves_the_masters_address()
    {
        var state = new StateStore(_database);
        await Assert.That(state.TryAdvanceTerm(3, "10.0.0.3:9555")).IsTrue();
        await Assert.That(state.TryAdvanceTerm(2, "10.0.0.2:9555")).IsFalse();
        await Assert.That(state.TryAdvanceTerm(3, null)).IsTrue();
        var again = new StateStore(_database);
        await Assert.That(again.Term).IsEqualTo(3UL);
        await Assert.That(again.MasterAddress).IsEqualTo("10.0.0.3:9555");
    }

    [Test]
    public async Task People_and_revocations_are_replaced_at_once()
    {
        var state = new StateStore(_database);
        state.ReplacePeople(1, ["human/bob"], [new OperatorEntry("alice", "admin", [])]);
        var news = state.ReplacePeople(2, ["human/bob", "0a1b"], [new OperatorEntry("carol", "deploy", ["notes", "wiki"])]);
        await Assert.That(news).IsEquivalentTo(["0a1b"]);
        var again = new StateStore(_database);
        await Assert.That(again.IsRevoked("human/bob")).IsTrue();
        await Assert.That(again.FindOperator("alice")).IsNull();
        await Assert.That(again.FindOperator("carol")!.Services).IsEquivalentTo(["notes", "wiki"]);
        await Assert.That(again.RevocationRevision).IsEqualTo(2UL);
    }

    [Test]
    public async Task Only_a_higher_epoch_supersedes()
    {
        var data = new DataStore(_database, TimeProvider.System);
        data.Put("notes", "v", 3, new ServiceSpec { Name = "notes" }, "op");
        await Assert.That(data.Supersede("notes", "rift", 3)).IsFalse();
        await Assert.That(data.Supersede("notes", "rift", 2)).IsFalse();
        await Assert.That(data.Find("notes")!.State).IsEqualTo("current");
        await Assert.That(data.Supersede("notes", "rift", 4)).IsTrue();
        await Assert.That(data.Supersede("notes", "rift", 4)).IsFalse();
        await Assert.That(data.Find("notes")!.SupersededNode).IsEqualTo("rift");
    }

    [Test]
    public async Task A_failure_is_told_again_as_the_first_time()
    {
        var store = new OperationStore(_database, TimeProvider.System);
        var id = OperationId.New(TimeProvider.System);
        store.Begin(id, "deploy", "notes", "human/alice", "key", false, []);
        await Assert.That(store.Open().Single().Id).IsEqualTo(id);
        store.Fail(id, putBack: true, new McpException(FaultCode.NotFound, "no image") { Step = "images", Cause = "c", Hint = "h", State = "s" }, [new StepResult { Step = "images", Error = "no image", Millis = 3 }]);
        await Assert.That(store.Open()).IsEmpty();
        var fault = store.Find(id)!.ToFault();
        await Assert.That((fault.Code, fault.Message, fault.Step, fault.Cause, fault.Hint, fault.State)).IsEqualTo((FaultCode.NotFound, "no image", "images", "c", "h", "s"));
        await Assert.That(store.Find(id)!.State).IsEqualTo("put-back");
        await Assert.That(store.Steps(id).Single().Error).IsEqualTo("no image");
    }

    [Test]
    public async Task A_reserved_port_is_released_by_its_operation_and_kept_after_a_commit()
    {
        var routes = new RouteStore(_database);
        _database.Write(c => RouteStore.Reserve(c, "op-1", "notes", new Dictionary<(string, string), int> { [("web", "a")] = 10001 }));
        _database.Write(c => RouteStore.Settle(c, new ServiceSpec { Name = "notes", Components = { new ComponentSpec { Name = "web", Routes = { new RouteSpec { Name = "a" } } } } }));
        _database.Write(c => RouteStore.Reserve(c, "op-2", "notes", new Dictionary<(string, string), int> { [("web", "b")] = 10002 }));
        _database.Write(c => RouteStore.Release(c, "op-2"));
        _database.Write(c => RouteStore.Release(c, "op-1"));
        await Assert.That(routes.Of("notes").Values).IsEquivalentTo([10001]);
        await Assert.That(routes.All()[10001]).IsEqualTo("notes");
    }

    [Test]
    public async Task Watching_gives_what_was_and_what_comes()
    {
        var events = new EventStore(_database, "orion", TimeProvider.System);
        events.Add(new NodeEvent("a", "info", "first"));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var seen = new List<string>();
        await foreach (var happened in events.WatchAsync(new EventsRequest { Follow = true }, limit.Token))
        {
            seen.Add(happened.Message);
            if (seen.Count == 1)
                events.Add(new NodeEvent("b", "info", "second") { Direct = true });
            else
                break;
        }
        await Assert.That(seen).IsEquivalentTo(["first", "second"]);
        await Assert.That(events.DirectAfter(0, 10).Single().Message).IsEqualTo("second");
    }
}
