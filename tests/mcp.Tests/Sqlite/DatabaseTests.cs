using Mcp.Errors;
using Mcp.Sqlite;

namespace Mcp.Tests.Sqlite;

public class DatabaseTests
{
    private static readonly Migration First = new(1, "CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;", 1);
    private static readonly Migration Second = new(2, "ALTER TABLE thing ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey';", 1);

    [Test]
    public async Task A_new_database_is_private_durable_and_reopens_with_its_rows()
    {
        using var folder = new TemporaryFolder();
        using (var db = Database.Open(folder["x.db"], [First], TimeProvider.System))
        {
            db.Write(c => c.Execute("INSERT INTO thing(name) VALUES($n)", ("$n", "bolt")));
            await Assert.That(db.Read(c => c.Scalar<string>("PRAGMA journal_mode"))).IsEqualTo("wal");
            await Assert.That(db.Read(c => c.Scalar<long>("PRAGMA foreign_keys"))).IsEqualTo(1);
            await Assert.That(db.Read(c => c.Scalar<long>("PRAGMA synchronous"))).IsEqualTo(2);
        }
        await Assert.That(File.GetUnixFileMode(folder["x.db"])).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var again = Database.Open(folder["x.db"], [First], TimeProvider.System);
        await Assert.That(again.Read(c => c.Scalar<string>("SELECT name FROM thing"))).IsEqualTo("bolt");
    }

    [Test]
    public async Task A_write_that_throws_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        using var db = Database.Open(folder["x.db"], [First], TimeProvider.System);
        await Assert.That(() => db.Write(c =>
        {
            c.Execute("INSERT INTO thing(name) VALUES('half')");
            throw new InvalidOperationException("stop");
        })).Throws<InvalidOperationException>();
        await Assert.That(db.Read(c => c.Scalar<long>("SELECT count(*) FROM thing"))).IsEqualTo(0);
    }

    [Test]
    public async Task A_migration_keeps_rows_and_leaves_a_copy_of_the_version_before()
    {
        using var folder = new TemporaryFolder();
        using (var db = Database.Open(folder["x.db"], [First], TimeProvider.System))
            db.Write(c => c.Execute("INSERT INTO thing(name) VALUES('bolt')"));
        using (var db = Database.Open(folder["x.db"], [First, Second], TimeProvider.System))
            await Assert.That(db.Read(c => c.Scalar<string>("SELECT name || colour FROM thing"))).IsEqualTo("boltgrey");
        using var copy = Database.Open(folder["x.db.1"], [First], TimeProvider.System);
        await Assert.That(copy.Read(c => c.Scalar<string>("SELECT name FROM thing"))).IsEqualTo("bolt");
        await Assert.That(File.GetUnixFileMode(folder["x.db.1"])).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Test]
    public async Task A_migration_that_fails_half_way_leaves_the_version_before()
    {
        using var folder = new TemporaryFolder();
        Database.Open(folder["x.db"], [First], TimeProvider.System).Dispose();
        var broken = new Migration(2, "CREATE TABLE half(id INTEGER); CREATE TABLE thing(id INTEGER);", 1);
        await Assert.That(() => Database.Open(folder["x.db"], [First, broken], TimeProvider.System)).Throws<McpException>();
        using var db = Database.Open(folder["x.db"], [First], TimeProvider.System);
        await Assert.That(db.Read(c => c.Scalar<long>("SELECT max(version) FROM schema_version"))).IsEqualTo(1);
        await Assert.That(db.Read(c => c.Scalar<long>("SELECT count(*) FROM sqlite_schema WHERE name = 'half'"))).IsEqualTo(0);
    }

    [Test]
    public async Task A_newer_database_is_refused_only_when_this_program_cannot_read_it()
    {
        using var folder = new TemporaryFolder();
        Database.Open(folder["readable.db"], [First, Second], TimeProvider.System).Dispose();
        Database.Open(folder["readable.db"], [First], TimeProvider.System).Dispose();

        Database.Open(folder["x.db"], [First, Second with { MinReader = 2 }], TimeProvider.System).Dispose();
        var refused = await Assert.That(() => Database.Open(folder["x.db"], [First], TimeProvider.System)).Throws<McpException>();
        await Assert.That(refused!.Message).Contains("newer mcp");
        await Assert.That(refused.Code).IsEqualTo(FaultCode.FailedPrecondition);
    }

    [Test]
    [Arguments(0, "not a database at all, but long enough")]
    [Arguments(0, "short")]
    public async Task A_file_that_is_no_database_is_refused_and_kept(int offset, string bytes)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["x.db"], bytes[offset..]);
        File.SetUnixFileMode(folder["x.db"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var refused = await Assert.That(() => Database.Open(folder["x.db"], [First], TimeProvider.System)).Throws<McpException>();
        await Assert.That(refused!.Code).IsEqualTo(FaultCode.DataLoss);
        await Assert.That(refused.Message).Contains(folder["x.db"]);
        await Assert.That(File.ReadAllText(folder["x.db"])).IsEqualTo(bytes);
    }

    [Test]
    public async Task A_damaged_page_is_found_at_start()
    {
        using var folder = new TemporaryFolder();
        using (var db = Database.Open(folder["x.db"], [First], TimeProvider.System))
        {
            db.Write(c =>
            {
                for (var i = 0; i < 2000; i++)
                    c.Execute("INSERT INTO thing(name) VALUES($n)", ("$n", new string('x', 100)));
            });
            db.Write(c => c.Execute("CREATE INDEX by_name ON thing(name)"));
        }
        using (var file = File.OpenWrite(folder["x.db"]))
        {
            file.Position = 8192;
            file.Write(new byte[20000]);
        }
        var refused = await Assert.That(() => Database.Open(folder["x.db"], [First], TimeProvider.System)).Throws<McpException>();
        await Assert.That(refused!.Code).IsEqualTo(FaultCode.DataLoss);
    }

    [Test]
    public async Task An_empty_file_is_a_first_start_that_was_killed()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["x.db"], []);
        File.SetUnixFileMode(folder["x.db"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var db = Database.Open(folder["x.db"], [First], TimeProvider.System);
        await Assert.That(db.Read(c => c.Scalar<long>("SELECT count(*) FROM thing"))).IsEqualTo(0);
    }

    [Test]
    public async Task A_file_that_others_can_read_or_that_is_a_link_is_refused_with_the_remedy()
    {
        using var folder = new TemporaryFolder();
        Database.Open(folder["x.db"], [First], TimeProvider.System).Dispose();
        File.SetUnixFileMode(folder["x.db"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        var wide = await Assert.That(() => Database.Open(folder["x.db"], [First], TimeProvider.System)).Throws<McpException>();
        await Assert.That(wide!.Hint).IsEqualTo($"chmod 0600 {folder["x.db"]}");

        File.CreateSymbolicLink(folder["link.db"], folder["x.db"]);
        var link = await Assert.That(() => Database.Open(folder["link.db"], [First], TimeProvider.System)).Throws<McpException>();
        await Assert.That(link!.Message).Contains("symbolic link");
    }
}
