using Mcp.Errors;
using Mcp.Names;
using Mcp.Operations;
using Mcp.V1;

namespace Mcp.Tests.Operations;

public class OperationRunnerTests
{
    private readonly OperationFeed _feed = new(TimeProvider.System);

    private OperationRunner NewRunner() => new(_feed, "orion", TimeProvider.System);

    [Test]
    public async Task A_cut_call_does_not_stop_the_work()
    {
        using var runner = NewRunner();
        var id = OperationId.New(TimeProvider.System);
        var gate = new TaskCompletionSource();
        using var call = new CancellationTokenSource();
        var waiting = runner.RunAsync(id, "r", async (_, _) => { await gate.Task; return 7; }, call.Token);
        await call.CancelAsync();
        await Assert.That(async () => await waiting).Throws<OperationCanceledException>();
        await Assert.That(runner.IsRunning(id)).IsTrue();
        var joined = runner.RunAsync(id, "r", (_, _) => Task.FromResult(0), CancellationToken.None);
        gate.SetResult();
        await Assert.That(await joined).IsEqualTo(7);
    }

    [Test]
    public async Task The_same_id_for_another_request_is_refused()
    {
        using var runner = NewRunner();
        var id = OperationId.New(TimeProvider.System);
        var gate = new TaskCompletionSource();
        var first = runner.RunAsync(id, "deploy a", async (_, _) => { await gate.Task; return 1; }, CancellationToken.None);
        var refused = await Assert.That(async () => await runner.RunAsync(id, "deploy b", (_, _) => Task.FromResult(2), CancellationToken.None)).Throws<McpException>();
        await Assert.That(refused!.Code).IsEqualTo(FaultCode.InvalidArgument);
        gate.SetResult();
        await first;
    }

    [Test]
    public async Task Ten_callers_with_one_id_cause_one_run()
    {
        using var runner = NewRunner();
        var id = OperationId.New(TimeProvider.System);
        var runs = 0;
        var gate = new TaskCompletionSource();
        var calls = Enumerable.Range(0, 10).Select(_ => runner.RunAsync(id, "r", async (_, _) =>
        {
            await gate.Task;
            return Interlocked.Increment(ref runs);
        }, CancellationToken.None)).ToList();
        gate.SetResult();
        await Task.WhenAll(calls);
        await Assert.That(runs).IsEqualTo(1);
    }

    [Test]
    public async Task A_failure_carries_node_and_step_and_is_the_last_event()
    {
        using var runner = NewRunner();
        var id = OperationId.New(TimeProvider.System);
        var fault = await Assert.That(async () => await runner.RunAsync<int>(id, "r", async (scope, _) =>
        {
            await scope.StepAsync("pull", () => throw new McpException(FaultCode.NotFound, "no such image"));
            return 0;
        }, CancellationToken.None)).Throws<McpException>();
        await Assert.That(fault!.Step).IsEqualTo("pull");
        await Assert.That(fault.Node).IsEqualTo("orion");
        var events = await AllAsync(id);
        await Assert.That(events.Select(e => e.Sequence)).IsEquivalentTo(Enumerable.Range(1, events.Count).Select(i => (ulong)i));
        await Assert.That(events[^1].Outcome.Error.What).IsEqualTo("no such image");
    }

    [Test]
    public async Task A_watcher_may_come_first_and_resume_where_it_was()
    {
        using var runner = NewRunner();
        var id = OperationId.New(TimeProvider.System);
        var early = AllAsync(id);
        await runner.RunAsync(id, "r", (scope, _) =>
        {
            scope.Say("one");
            scope.Say("two");
            return Task.FromResult(1);
        }, CancellationToken.None);
        await Assert.That((await early).Count).IsEqualTo(3);
        await Assert.That((await AllAsync(id, after: 2)).Single().Outcome.Success).IsTrue();
    }

    [Test]
    public async Task An_operation_that_nobody_begins_ends_the_watch()
    {
        var events = new List<OperationEvent>();
        await foreach (var e in _feed.WatchAsync("nobody-knows-it", 0, TimeSpan.FromMilliseconds(20), CancellationToken.None))
            events.Add(e);
        await Assert.That(events).IsEmpty();
    }

    [Test]
    public async Task Ending_the_process_cancels_the_body_and_says_so()
    {
        using var runner = NewRunner();
        var id = OperationId.New(TimeProvider.System);
        var began = new TaskCompletionSource();
        var work = runner.RunAsync<int>(id, "r", async (_, stopping) =>
        {
            began.SetResult();
            await Task.Delay(Timeout.Infinite, stopping);
            return 0;
        }, CancellationToken.None);
        await began.Task;
        await runner.StopAsync(TimeSpan.FromSeconds(10));
        var fault = await Assert.That(async () => await work).Throws<McpException>();
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.Unavailable);
        await Assert.That(async () => await runner.RunAsync(OperationId.New(TimeProvider.System), "r", (_, _) => Task.FromResult(1), CancellationToken.None)).Throws<McpException>();
    }

    private async Task<List<OperationEvent>> AllAsync(OperationId id, ulong after = 0)
    {
        var events = new List<OperationEvent>();
        await foreach (var e in _feed.WatchAsync(id.Value, after, TimeSpan.FromSeconds(10), CancellationToken.None))
            events.Add(e);
        return events;
    }
}
