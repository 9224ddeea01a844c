using Grpc.Core;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Sqlite;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Tests.Master.Reading;

/// <summary>
/// Events on their way from an agent's registry over the master to a follower: each once, in order, whoever is away in between. The agent's side is its real table
/// and its real reading.
/// </summary>
internal sealed class EventLineTests
{
    [Test]
    public async Task What_happens_while_the_master_is_away_comes_once_and_stands_where_it_happened()
    {
        await using var bench = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        using var registry = AgentDatabase.Open(folder["mcp.db"], TimeProvider.System);
        var agent = await bench.AddAgentAsync("orion");
        var history = Follow(agent, registry);
        history.Add(new NodeEvent("container-down", "error", "one"));
        // The line of before has no history behind it: it is begun anew with the next connection.
        await bench.RestartAsync(() =>
        {
            history.Add(new NodeEvent("container-down-over", "info", "two"));
            return Task.CompletedTask;
        });
        await bench.RegisterAsync(agent);
        await UntilMessagesAsync(bench, "one", "two");
        history.Add(new NodeEvent("container-down", "error", "three"));
        history.Add(new NodeEvent("call", "info", "an audit line"));
        await UntilMessagesAsync(bench, "one", "two", "three");
        await bench.RestartAsync(() =>
        {
            history.Add(new NodeEvent("container-down-over", "info", "four"));
            return Task.CompletedTask;
        });
        await bench.RegisterAsync(agent);
        await UntilMessagesAsync(bench, "one", "two", "three", "four");
        await Assert.That(agent.Lines.Last().After).IsGreaterThan(0ul);
        // What came of a gap is sorted in by its time.
        var all = await ReadAsync(bench, new EventsRequest());
        await Assert.That(all.Select(e => e.At).Order(StringComparer.Ordinal)).IsEquivalentTo(all.Select(e => e.At), TUnit.Assertions.Enums.CollectionOrdering.Matching);
    }

    [Test]
    public async Task A_registry_that_was_restored_or_is_new_neither_hides_nor_repeats_anything()
    {
        await using var bench = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        using var registry = AgentDatabase.Open(folder["mcp.db"], TimeProvider.System);
        var agent = await bench.AddAgentAsync("orion");
        var history = Follow(agent, registry);
        for (var i = 1; i <= 5; i++)
            history.Add(new NodeEvent("x", "info", $"old {i}"));
        await ReconnectAsync(bench, agent);
        await UntilMessagesAsync(bench, "old 1", "old 2", "old 3", "old 4", "old 5");

        // Its disk came back from a copy that had two of them; the ids of the others are given again.
        await ReconnectAsync(bench, agent, () =>
        {
            registry.Write(c => c.Execute("DELETE FROM events WHERE id > 2; UPDATE sqlite_sequence SET seq = 2 WHERE name = 'events'"));
            for (var i = 1; i <= 6; i++)
                history.Add(new NodeEvent("x", "info", $"new {i}"));
        });
        await UntilMessagesAsync(bench, "old 1", "old 2", "old 3", "old 4", "old 5", "new 1", "new 2", "new 3", "new 4", "new 5", "new 6");

        // It was set up anew.
        using var fresh = AgentDatabase.Open(folder["fresh.db"], TimeProvider.System);
        await ReconnectAsync(bench, agent, () => Follow(agent, fresh).Add(new NodeEvent("x", "info", "fresh 1")));
        await UntilMessagesAsync(bench, "old 1", "old 2", "old 3", "old 4", "old 5", "new 1", "new 2", "new 3", "new 4", "new 5", "new 6", "fresh 1");
    }

    [Test]
    public async Task A_deploy_is_one_event_and_calls_are_the_audits()
    {
        await using var bench = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        using var registry = AgentDatabase.Open(folder["mcp.db"], TimeProvider.System);
        var agent = await bench.AddAgentAsync("orion");
        var history = Follow(agent, registry);
        await ReconnectAsync(bench, agent);
        var operation = Mcp.Names.OperationId.New(TimeProvider.System).Value;
        await bench.DeployAsync(MasterBench.Spec("notes"), operation);
        history.Add(new NodeEvent("call", "info", "mcp.v1.McpAgentService/Deploy by master/mcp-master"));
        history.Add(new NodeEvent("deployed", "info", "generation 1 runs") { Service = "notes", Operation = operation });
        history.Add(new NodeEvent("deployed", "info", "by hand") { Service = "notes", Operation = Mcp.Names.OperationId.New(TimeProvider.System).Value });
        await MasterBench.UntilAsync(async () => (await ReadAsync(bench, new EventsRequest { Service = "notes" })).Any(e => e.Message == "by hand"), "the agent's own deploy");
        var events = await ReadAsync(bench, new EventsRequest { Service = "notes" });
        await Assert.That(events.Count(e => e.Kind == "deployed" && e.Operation == operation)).IsEqualTo(1);
        await Assert.That(events.Any(e => e.Kind == "call")).IsFalse();
        var audit = await ReadAsync(bench, new EventsRequest { Audit = true, Service = "notes" });
        await Assert.That(audit.Any(e => e.Kind == "call" && e.Message.Contains("Deploy") && e.Operation == operation && e.Principal == "human/alice")).IsTrue();
    }

    [Test]
    public async Task A_follower_is_told_at_once_and_goes_on_after_the_last_one_he_saw()
    {
        await using var bench = await MasterBench.StartAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var first = bench.Admin.Events(new EventsRequest { Follow = true, Tail = 1 }, cancellationToken: limit.Token);
        await first.ResponseStream.MoveNext(limit.Token);
        bench.Host.Parts.Database.Write(c => Add(c, "a"));
        await first.ResponseStream.MoveNext(limit.Token);
        var seen = first.ResponseStream.Current;
        await Assert.That(seen.Message).IsEqualTo("a");
        bench.Host.Parts.Database.Write(c => Add(c, "b"));
        var rest = await ReadAsync(bench, new EventsRequest { After = seen.Id, AfterAt = seen.At });
        await Assert.That(rest.Select(e => e.Message)).IsEquivalentTo(["b"]);
    }

    [Test]
    public async Task One_who_takes_nothing_is_cut_off_and_told_where_to_go_on()
    {
        // The write is stuck, as behind a full window; the patience is the clock's.
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var writing = new StuckWriter().WriteToFollowerAsync(new FleetEvent(), "mcp events -f --since 2026-04-01T00:00:00Z", clock, CancellationToken.None);
        clock.Advance(FollowerWrites.Patience - TimeSpan.FromSeconds(1));
        await Assert.That(writing.IsCompleted).IsFalse();
        clock.Advance(TimeSpan.FromSeconds(1));
        var cut = await Assert.That(async () => await writing).Throws<McpException>();
        await Assert.That(cut!.Code).IsEqualTo(FaultCode.ResourceExhausted);
        await Assert.That(cut.Hint!).Contains("--since 2026-04-01T00:00:00Z");
    }

    private static EventStore Follow(FakeAgent agent, Database registry) => agent.EventHistory = new EventStore(registry, agent.Name, TimeProvider.System);

    // As an agent that was restarted: the line breaks, is checked and begun anew.
    private static async Task ReconnectAsync(MasterBench bench, FakeAgent agent, Action? between = null)
    {
        // Counted while no master runs: the new one may begin its line before it has heard a Register.
        var lines = 0;
        await bench.RestartAsync(() =>
        {
            lines = agent.Lines.Count;
            between?.Invoke();
            return Task.CompletedTask;
        });
        await bench.RegisterAsync(agent);
        await MasterBench.UntilAsync(() => Task.FromResult(agent.Lines.Count > lines), "the line is begun");
    }

    private static async Task UntilMessagesAsync(MasterBench bench, params string[] messages)
    {
        List<string> seen = [];
        try
        {
            await MasterBench.UntilAsync(async () =>
            {
                seen = [.. (await ReadAsync(bench, new EventsRequest { Node = "orion" })).Where(e => e.Kind is "x" or "call" || e.Kind.StartsWith("container-", StringComparison.Ordinal)).Select(e => e.Message)];
                return seen.Count >= messages.Length;
            }, "events");
        }
        catch (TimeoutException)
        {
            // Said below.
        }
        await Assert.That(seen.Order()).IsEquivalentTo(messages.Order());
    }

    private static async Task<List<FleetEvent>> ReadAsync(MasterBench bench, EventsRequest request)
    {
        using var call = bench.Admin.Events(request);
        var events = new List<FleetEvent>();
        await foreach (var e in call.ResponseStream.ReadAllAsync())
            events.Add(e);
        return events;
    }

    private static void Add(Microsoft.Data.Sqlite.SqliteConnection connection, string message) =>
        Mcp.Master.Reading.EventStore.Add(connection, new FleetEvent { At = Mcp.Text.Timestamp.Now(TimeProvider.System), Kind = "x", Severity = "info", Message = message });

    private sealed class StuckWriter : IServerStreamWriter<FleetEvent>
    {
        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(FleetEvent message) => new TaskCompletionSource().Task;

        public Task WriteAsync(FleetEvent message, CancellationToken cancellationToken) => new TaskCompletionSource().Task;
    }
}
