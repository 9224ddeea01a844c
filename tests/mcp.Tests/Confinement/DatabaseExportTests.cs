using System.Text;
using Mcp.Errors;

namespace Mcp.Tests.Confinement;

/// <summary>How databases get into an archive: whole, while their service writes, and without a byte written beside them.</summary>
public class DatabaseExportTests
{
    [Test]
    public async Task A_hot_writer_with_a_log_is_copied_whole_and_loses_no_row_that_it_had_committed()
    {
        using var bench = new ExportBench();
        using var connection = bench.Database("hot.db");
        ExportBench.Fill(connection, 2000);
        long committed = 0;
        using var end = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            for (var i = 0; !end.IsCancellationRequested; i++)
            {
                ExportBench.Execute(connection, $"INSERT INTO row(text) VALUES(hex(randomblob({100 + i % 300})))");
                Interlocked.Increment(ref committed);
                if (i % 500 == 499)
                    ExportBench.Execute(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
                // Some thousand a second, so that the database does not grow out of the test.
                if (i % 5 == 4)
                    await Task.Delay(1);
            }
        });
        for (var i = 0; i < 3; i++)
        {
            var before = Interlocked.Read(ref committed);
            var (trailer, unpacked) = await bench.ExportAsync();
            var copy = Path.Combine(unpacked, "hot.db");
            await Assert.That(Directory.GetFiles(unpacked).Select(f => Path.GetFileName(f)!)).IsEquivalentTo(["hot.db"]);
            await Assert.That(trailer.Databases.Single().Method).IsEqualTo("backup");
            await Assert.That(ExportBench.Scalar(copy, "PRAGMA integrity_check")).IsEqualTo("ok");
            await Assert.That(long.Parse(ExportBench.Scalar(copy, "SELECT count(*) FROM row"), null)).IsGreaterThanOrEqualTo(2000 + before);
            await Assert.That(ExportBench.Scalar(copy, "PRAGMA journal_mode")).IsEqualTo("wal");
        }
        await end.CancelAsync();
        await writing;
        await Assert.That(Directory.GetFiles(bench.Staging)).IsEmpty();
    }

    [Test]
    public async Task A_hot_writer_without_a_log_is_copied_whole()
    {
        using var bench = new ExportBench();
        using var connection = bench.Database("plain.db", "DELETE");
        ExportBench.Fill(connection, 20000);
        using var end = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                ExportBench.Execute(connection, "UPDATE row SET text = hex(randomblob(200)) WHERE n = abs(random() % 20000) + 1");
                await Task.Delay(1);
            }
        });
        var (trailer, unpacked) = await bench.ExportAsync();
        await end.CancelAsync();
        await writing;
        await Assert.That(trailer.Databases.Single().Method).IsEqualTo("backup");
        await Assert.That(ExportBench.Scalar(Path.Combine(unpacked, "plain.db"), "PRAGMA integrity_check")).IsEqualTo("ok");
        await Assert.That(ExportBench.Scalar(Path.Combine(unpacked, "plain.db"), "SELECT count(*) FROM row")).IsEqualTo("20000");
    }

    [Test]
    public async Task Where_a_fifth_of_the_pages_is_free_only_the_rest_is_copied()
    {
        using var bench = new ExportBench();
        using var connection = bench.Database("emptied.db");
        ExportBench.Fill(connection, 5000);
        ExportBench.Execute(connection, "DELETE FROM row WHERE n % 2 = 0 OR n > 2000; PRAGMA wal_checkpoint(TRUNCATE)");
        var (trailer, unpacked) = await bench.ExportAsync();
        await Assert.That(trailer.Databases.Single().Method).IsEqualTo("vacuum");
        await Assert.That(new FileInfo(Path.Combine(unpacked, "emptied.db")).Length).IsLessThan(new FileInfo(bench["emptied.db"]).Length / 2);
        await Assert.That(ExportBench.Scalar(Path.Combine(unpacked, "emptied.db"), "PRAGMA journal_mode")).IsEqualTo("wal");
        await Assert.That(ExportBench.Scalar(Path.Combine(unpacked, "emptied.db"), "SELECT count(*) FROM row")).IsEqualTo("1000");
    }

    [Test]
    public async Task A_log_that_a_killed_service_left_is_in_the_copy_and_the_folder_is_as_it_was()
    {
        using var bench = new ExportBench();
        using (var connection = bench.Database("live.db"))
        {
            ExportBench.Fill(connection, 100);
            // As a power cut leaves it: file and log without the index.
            File.Copy(bench["live.db"], bench["killed.db"]);
            File.Copy(bench["live.db-wal"], bench["killed.db-wal"]);
            // And as kill -9 does, with the index.
            foreach (var ending in (string[])["", "-wal", "-shm"])
                File.Copy(bench["live.db" + ending], bench["left.db" + ending]);
        }
        var before = Directory.GetFiles(bench.Folder).Order().ToList();
        var (trailer, unpacked) = await bench.ExportAsync();
        await Assert.That(Directory.GetFiles(bench.Folder).Order()).IsEquivalentTo(before);
        foreach (var name in (string[])["live.db", "killed.db", "left.db"])
            await Assert.That(ExportBench.Scalar(Path.Combine(unpacked, name), "SELECT count(*) FROM row")).IsEqualTo("100");
        await Assert.That(trailer.Databases.ToDictionary(d => ExportBench.Name(d.Path), d => d.Method)["killed.db"]).IsEqualTo("file");
        await Assert.That(Directory.GetFiles(unpacked).Select(f => Path.GetFileName(f)!)).IsEquivalentTo(["live.db", "killed.db", "left.db"]);
        await Assert.That(Directory.GetFiles(bench.Staging)).IsEmpty();
    }

    [Test]
    public async Task A_transaction_that_a_crash_cut_is_rolled_back_in_the_copy()
    {
        using var bench = new ExportBench();
        using (var connection = bench.Database("live.db", "DELETE"))
        {
            ExportBench.Fill(connection, 3000);
            ExportBench.Execute(connection, "PRAGMA cache_size=10; PRAGMA cache_spill=1; BEGIN; UPDATE row SET text = 'half'");
            File.Copy(bench["live.db"], bench["cut.db"]);
            File.Copy(bench["live.db-journal"], bench["cut.db-journal"]);
            ExportBench.Execute(connection, "ROLLBACK");
        }
        var (trailer, unpacked) = await bench.ExportAsync();
        await Assert.That(trailer.Databases.Single(d => ExportBench.Name(d.Path) == "cut.db").Method).IsEqualTo("file");
        await Assert.That(ExportBench.Scalar(Path.Combine(unpacked, "cut.db"), "SELECT count(*) FROM row WHERE text = 'half'")).IsEqualTo("0");
        await Assert.That(ExportBench.Scalar(Path.Combine(unpacked, "cut.db"), "PRAGMA integrity_check")).IsEqualTo("ok");
    }

    [Test]
    public async Task A_planted_journal_that_names_a_super_journal_is_refused_and_removes_nothing()
    {
        using var bench = new ExportBench();
        var victim = Path.Combine(bench.Outside, "victim");
        await File.WriteAllTextAsync(victim, "untouched");
        using (var connection = bench.Database("x.db", "DELETE"))
            ExportBench.Fill(connection, 100);
        // A hot journal of one page, and at its end the name of a super-journal (sqlite.org/fileformat2.html 1.6).
        var name = Encoding.UTF8.GetBytes(victim);
        var journal = new MemoryStream();
        journal.Write([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 2, 0, 0, 0, 16, 0]);
        journal.SetLength(512);
        journal.Position = 512;
        journal.Write([0, 0, 0, 1]);
        journal.Write(name);
        journal.Write([0, 0, 0, (byte)name.Length, 0, 0, 0, (byte)name.Sum(b => b), 0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
        await File.WriteAllBytesAsync(bench["x.db-journal"], journal.ToArray());
        var refused = await Assert.ThrowsAsync<McpException>(() => bench.ExportAsync());
        await Assert.That(refused!.Message).Contains("x.db").And.Contains("super-journal").And.Contains("victim");
        await Assert.That(await File.ReadAllTextAsync(victim)).IsEqualTo("untouched");
        await Assert.That(File.Exists(bench["x.db-journal"])).IsTrue();
        await Assert.That(Directory.GetFiles(bench.Staging)).IsEmpty();
    }

    [Test]
    public async Task A_database_that_stays_locked_fails_the_export_with_its_name_and_what_to_do()
    {
        using var bench = new ExportBench();
        using var connection = bench.Database("locked.db", "DELETE");
        ExportBench.Execute(connection, "BEGIN EXCLUSIVE");
        var refused = await Assert.ThrowsAsync<McpException>(() => bench.ExportAsync());
        await Assert.That(refused!.Code).IsEqualTo(FaultCode.Unavailable);
        await Assert.That(refused.Message).Contains("locked.db").And.Contains("locked");
        await Assert.That(refused.Hint).Contains("WAL");
    }

    [Test]
    public async Task Where_nothing_runs_a_database_is_taken_as_it_lies_unless_a_log_lies_beside_it()
    {
        using var bench = new ExportBench();
        using (var connection = bench.Database("shut.db"))
            ExportBench.Fill(connection, 3000);
        // Left by a crash: the rows are in the log alone.
        using var open = bench.Database("left.db");
        ExportBench.Fill(open, 50);
        foreach (var ending in (string[])["", "-wal"])
            File.Copy(bench["left.db" + ending], bench["killed.db" + ending]);
        await Assert.That(new FileInfo(bench["killed.db-wal"]).Length).IsGreaterThan(0);
        var before = await File.ReadAllBytesAsync(bench["shut.db"]);
        var (trailer, unpacked) = await bench.ExportAsync(job => job.Still = true);
        var methods = trailer.Databases.ToDictionary(d => ExportBench.Name(d.Path), d => d.Method);
        await Assert.That(methods["shut.db"]).IsEqualTo("as it lies");
        await Assert.That(methods["killed.db"]).IsEqualTo("file");
        await Assert.That((await File.ReadAllBytesAsync(Path.Combine(unpacked, "shut.db"))).SequenceEqual(before)).IsTrue();
        await Assert.That(ExportBench.Scalar(Path.Combine(unpacked, "killed.db"), "SELECT count(*) FROM row")).IsEqualTo("50");
        // What lies is checked as a copy would be.
        using (var file = File.OpenWrite(bench["shut.db"]))
        {
            file.Position = file.Length / 2;
            file.Write(new byte[20_000]);
        }
        var fault = await Assert.ThrowsAsync<McpException>(() => bench.ExportAsync(job => job.Still = true));
        await Assert.That(fault!.Message).Contains("the database shut.db is damaged");
    }

    [Test]
    public async Task A_damaged_database_fails_the_export()
    {
        using var bench = new ExportBench();
        using (var connection = bench.Database("torn.db"))
            ExportBench.Fill(connection, 2000);
        using (var file = new FileStream(bench["torn.db"], FileMode.Open, FileAccess.Write))
        {
            file.Position = 4096 * 20;
            file.Write(new byte[4096 * 5]);
        }
        var refused = await Assert.ThrowsAsync<McpException>(() => bench.ExportAsync());
        await Assert.That(refused!.Code).IsEqualTo(FaultCode.DataLoss);
        await Assert.That(refused.Message).Contains("torn.db");
    }

    [Test]
    public async Task What_only_the_application_can_compare_is_copied_and_named()
    {
        using var bench = new ExportBench();
        using (var connection = bench.Database("app.db"))
        {
            connection.CreateCollation("OURS", string.CompareOrdinal);
            ExportBench.Execute(connection, "CREATE TABLE odd(name TEXT COLLATE OURS); CREATE INDEX oddly ON odd(name); INSERT INTO odd VALUES('a'), ('b')");
            ExportBench.Fill(connection, 500);
            ExportBench.Execute(connection, "DELETE FROM row WHERE n > 10; PRAGMA wal_checkpoint(TRUNCATE)");
            var (trailer, unpacked) = await bench.ExportAsync();
            var copied = trailer.Databases.Single();
            await Assert.That(copied.Method).IsEqualTo("backup");
            await Assert.That(copied.NotChecked).Contains("odd").And.Contains("OURS");
            await Assert.That(ExportBench.Scalar(Path.Combine(unpacked, "app.db"), "SELECT count(*) FROM row")).IsEqualTo("10");
        }
    }
}
