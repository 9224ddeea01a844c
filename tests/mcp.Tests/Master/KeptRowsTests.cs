using Mcp.Master;
using Mcp.Master.Registration;
using Mcp.Sqlite;

namespace Mcp.Tests.Master;

public class KeptRowsTests
{
    [Test]
    public async Task Rows_are_read_again_when_their_table_changed_in_whatever_way_and_not_otherwise()
    {
        using var folder = new TemporaryFolder();
        using var database = MasterDatabase.Open(folder["master.db"], TimeProvider.System);
        var reads = 0;
        var kept = new KeptRows<ReportedService>("reported_services", connection =>
        {
            reads++;
            return ReportedServiceStore.All(connection);
        });
        IReadOnlyList<ReportedService> Rows() => database.Read(kept.Of);
        var memos = new ReportedService("orion", "memos", 1, "v", 1, Running: true);

        database.Write(c => NodeStore.Add(c, "orion", "worker", "10.0.0.1:9444", "2026-04-01T00:00:00Z", "test"));
        await Assert.That(Rows()).IsEmpty();
        await Assert.That(Rows()).IsEmpty();
        await Assert.That(reads).IsEqualTo(1);
        database.Write(c => ReportedServiceStore.Put(c, memos));
        await Assert.That(Rows()).IsEquivalentTo([memos]);
        database.Write(c => ReportedServiceStore.Put(c, memos with { Epoch = 2 }));
        await Assert.That(Rows().Single().Epoch).IsEqualTo(2UL);
        await Assert.That(reads).IsEqualTo(3);
        // Other tables, and what is undone, change nothing.
        database.Write(c => NodeStore.Heartbeat(c, "orion", "2026-04-01T00:00:30Z", 1, 2, 3, 4, 5));
        await Assert.That(() => database.Write(c =>
        {
            ReportedServiceStore.Remove(c, "orion", "memos");
            throw new InvalidOperationException("undone");
        })).Throws<InvalidOperationException>();
        await Assert.That(Rows().Count).IsEqualTo(1);
        await Assert.That(reads).IsEqualTo(3);
        // A removed node takes its rows along.
        database.Write(c => NodeStore.Remove(c, "orion"));
        await Assert.That(Rows()).IsEmpty();
    }

    [Test]
    public async Task A_reader_of_an_older_view_gets_the_rows_of_that_view()
    {
        using var folder = new TemporaryFolder();
        using var database = MasterDatabase.Open(folder["master.db"], TimeProvider.System);
        var kept = new KeptRows<ReportedService>("reported_services", ReportedServiceStore.All);
        database.Write(c => NodeStore.Add(c, "orion", "worker", "10.0.0.1:9444", "2026-04-01T00:00:00Z", "test"));
        var (before, after) = database.Read(connection =>
        {
            var first = kept.Of(connection).Count;
            database.Write(c => ReportedServiceStore.Put(c, new ReportedService("orion", "memos", 1, "v", 1, Running: true)));
            database.Read(kept.Of);
            return (first, kept.Of(connection).Count);
        });
        await Assert.That(before).IsEqualTo(0);
        await Assert.That(after).IsEqualTo(0);
        await Assert.That(database.Read(kept.Of).Count).IsEqualTo(1);
    }
}
