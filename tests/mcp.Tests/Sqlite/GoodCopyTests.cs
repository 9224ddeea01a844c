using Mcp.Errors;
using Mcp.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Sqlite;

public class GoodCopyTests
{
    private static readonly Migration First = new(1, "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;", 1);

    [Test]
    public async Task A_copy_is_made_at_once_and_again_only_after_a_change()
    {
        using var folder = new TemporaryFolder();
        var clock = new FakeTimeProvider();
        using var db = Database.Open(folder["x.db"], [First], clock);
        db.Write(c => c.Execute("INSERT INTO thing(name) VALUES('bolt')"));
        using var end = new CancellationTokenSource();
        var copying = new GoodCopy(db, clock, NullLogger<GoodCopy>.Instance).RunAsync(end.Token);
        var copy = GoodCopy.PathOf(db.Path);
        await UntilAsync(() => File.Exists(copy));
        await Assert.That(NamesIn(folder, copy)).IsEquivalentTo(["bolt"]);
        await Assert.That(File.GetUnixFileMode(copy)).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);

        var first = File.GetLastWriteTimeUtc(copy);
        clock.Advance(GoodCopy.Every);
        db.Write(c => c.Execute("INSERT INTO thing(name) VALUES('nut')"));
        await UntilAsync(() =>
        {
            clock.Advance(GoodCopy.Every);
            return File.GetLastWriteTimeUtc(copy) > first;
        });
        await Assert.That(NamesIn(folder, copy)).IsEquivalentTo(["bolt", "nut"]);
        await end.CancelAsync();
        await Assert.That(async () => await copying).Throws<OperationCanceledException>();
    }

    [Test]
    public async Task A_damaged_database_never_replaces_its_good_copy()
    {
        using var folder = new TemporaryFolder();
        using var db = Database.Open(folder["x.db"], [First], TimeProvider.System);
        for (var i = 0; i < 300; i++)
            db.Write(c => c.Execute("INSERT INTO thing(name) VALUES($n)", ("$n", new string('x', 200))));
        var copy = new GoodCopy(db, TimeProvider.System, NullLogger<GoodCopy>.Instance);
        copy.CopyIfChanged();
        var good = File.ReadAllBytes(GoodCopy.PathOf(db.Path));

        db.Write(c => c.Execute("INSERT INTO thing(name) VALUES('last')"));
        db.Read(c => c.Scalar<long>("PRAGMA wal_checkpoint(TRUNCATE)"));
        using (var file = new FileStream(db.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.Position = 4096 * 3;
            file.Write(new byte[4096 * 4]);
        }
        var refused = await Assert.That(copy.CopyIfChanged).Throws<McpException>();
        await Assert.That(refused!.Code).IsEqualTo(FaultCode.DataLoss);
        await Assert.That(File.ReadAllBytes(GoodCopy.PathOf(db.Path)).SequenceEqual(good)).IsTrue();
        await Assert.That(Directory.GetFiles(folder.Path, "*.tmp")).IsEmpty();
    }

    // Opened under a name of its own, as an operator would put it in the database's place.
    private static List<string> NamesIn(TemporaryFolder folder, string copy)
    {
        var put = folder[$"put-{Guid.NewGuid():N}.db"];
        File.Copy(copy, put);
        using var db = Database.Open(put, [First], TimeProvider.System);
        return db.Read(c => c.Query("SELECT name FROM thing ORDER BY id", r => r.GetString(0)));
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!condition())
            await Task.Delay(20, limit.Token);
    }
}
