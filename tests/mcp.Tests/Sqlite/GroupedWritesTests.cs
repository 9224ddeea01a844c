using Mcp.Errors;
using Mcp.Sqlite;

namespace Mcp.Tests.Sqlite;

public class GroupedWritesTests
{
    private static readonly Migration Things = new(1, "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;", 1);

    [Test]
    public async Task Writes_that_wait_are_committed_together_in_the_order_of_their_arrival()
    {
        using var folder = new TemporaryFolder();
        using var db = Database.Open(folder["x.db"], [Things], TimeProvider.System);
        await using var writes = new GroupedWrites(db);
        // While the first one holds the writer, the others gather.
        using var gate = new ManualResetEventSlim();
        var begun = new TaskCompletionSource();
        var first = writes.WriteAsync(_ =>
        {
            begun.SetResult();
            gate.Wait(TimeSpan.FromSeconds(30));
        });
        // Before, some of them could still join it.
        await begun.Task.WaitAsync(TimeSpan.FromSeconds(30));
        var many = Enumerable.Range(0, 200).Select(i => writes.WriteAsync(c =>
        {
            c.Execute("INSERT INTO thing(name) VALUES($n)", ("$n", $"bolt{i}"));
            // Another connection sees none of them before all are committed.
            return db.Read(other => other.Scalar<long>("SELECT count(*) FROM thing"));
        })).ToList();
        gate.Set();
        await first;
        var seenByOthers = await Task.WhenAll(many);
        await Assert.That(seenByOthers.Distinct().Count()).IsEqualTo(1);
        await Assert.That(db.Read(c => c.Query("SELECT name FROM thing ORDER BY id", r => r.GetString(0)))).IsEquivalentTo(Enumerable.Range(0, 200).Select(i => $"bolt{i}"));
    }

    [Test]
    public async Task A_write_that_fails_takes_none_of_its_group_with_it()
    {
        using var folder = new TemporaryFolder();
        using var db = Database.Open(folder["x.db"], [Things], TimeProvider.System);
        await using var writes = new GroupedWrites(db);
        using var gate = new ManualResetEventSlim();
        var first = writes.WriteAsync(_ => gate.Wait(TimeSpan.FromSeconds(30)));
        Task Insert(string name) => writes.WriteAsync(c => c.Execute("INSERT INTO thing(name) VALUES($n)", ("$n", name)));
        var (bolt, again, refused, nut) = (Insert("bolt"), Insert("bolt"), writes.WriteAsync(_ => throw new McpException(FaultCode.ResourceExhausted, "full")), Insert("nut"));
        gate.Set();
        await first;
        await bolt;
        await nut;
        await Assert.ThrowsAsync<McpException>(() => again);
        await Assert.That((await Assert.ThrowsAsync<McpException>(() => refused))!.Code).IsEqualTo(FaultCode.ResourceExhausted);
        await Assert.That(db.Read(c => c.Query("SELECT name FROM thing ORDER BY id", r => r.GetString(0)))).IsEquivalentTo(["bolt", "nut"]);
    }

    [Test]
    public async Task What_waits_at_the_end_is_written_and_nothing_after_it_is_taken()
    {
        using var folder = new TemporaryFolder();
        using var db = Database.Open(folder["x.db"], [Things], TimeProvider.System);
        var writes = new GroupedWrites(db);
        var waiting = Enumerable.Range(0, 1000).Select(i => writes.WriteAsync(c => c.Execute("INSERT INTO thing(name) VALUES($n)", ("$n", $"n{i}")))).ToList();
        await writes.DisposeAsync();
        await Task.WhenAll(waiting);
        await Assert.That(db.Read(c => c.Scalar<long>("SELECT count(*) FROM thing"))).IsEqualTo(1000);
        await Assert.That(async () => await writes.WriteAsync(_ => { })).Throws<McpException>();
    }
}
