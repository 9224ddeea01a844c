using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Mcp.Tests.Confinement;

/// <summary>What an export takes and what it names instead.</summary>
public class ExportWorkTests
{
    [Test]
    public async Task Links_out_fifos_and_sockets_are_named_and_block_nothing()
    {
        using var bench = new ExportBench();
        await File.WriteAllTextAsync(Path.Combine(bench.Outside, "secret.db"), "SQLite format 3\0 of another service");
        File.CreateSymbolicLink(bench["planted.db"], Path.Combine(bench.Outside, "secret.db"));
        File.CreateSymbolicLink(bench["inner"], "plain");
        await File.WriteAllTextAsync(bench["plain"], "content");
        Process.Start("mkfifo", [bench["pipe.db"]]).WaitForExit();
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(bench["s"]));
        await File.WriteAllTextAsync(bench[".mcp-owner"], "belongs to the node");
        var (trailer, unpacked) = await bench.ExportAsync();
        await Assert.That(Directory.GetFileSystemEntries(unpacked).Select(f => Path.GetFileName(f)!)).IsEquivalentTo(["inner", "plain"]);
        await Assert.That(trailer.Skipped.Select(s => ExportBench.Name(s.Path))).IsEquivalentTo(["pipe.db", "planted.db", "s"]);
        // The link is lost data; a socket alone would not make it partial.
        await Assert.That(trailer.Partial).IsTrue();
        File.Delete(bench["planted.db"]);
        await Assert.That((await bench.ExportAsync()).Trailer.Partial).IsFalse();
    }

    [Test]
    public async Task A_link_called_db_is_named_wherever_it_leads_and_the_database_is_taken_where_it_lies()
    {
        using var bench = new ExportBench();
        using (var connection = bench.Database("data-2026"))
            ExportBench.Fill(connection, 10);
        File.CreateSymbolicLink(bench["current.db"], "data-2026");
        var (trailer, unpacked) = await bench.ExportAsync();
        await Assert.That(Directory.GetFileSystemEntries(unpacked).Select(f => Path.GetFileName(f)!)).IsEquivalentTo(["data-2026"]);
        await Assert.That(trailer.Skipped.Select(s => $"{ExportBench.Name(s.Path)} {s.Rule}")).IsEquivalentTo(["current.db is a link called .db; a database is a file of its own"]);
        await Assert.That(trailer.Partial).IsTrue();
        // Whoever does not need it says so.
        await Assert.That((await bench.ExportAsync(job => job.Excludes.Add("current.db"))).Trailer.Skipped.Single().Rule).IsEqualTo("is excluded by the definition");
    }

    [Test]
    public async Task A_db_of_another_kind_is_archived_with_a_note_and_an_empty_one_without()
    {
        using var bench = new ExportBench();
        var encrypted = RandomNumberGenerator.GetBytes(5000);
        await File.WriteAllBytesAsync(bench["sealed.db"], encrypted);
        await File.WriteAllBytesAsync(bench["empty.db"], []);
        await File.WriteAllTextAsync(bench["unrelated-wal"], "no log of anything");
        var (trailer, unpacked) = await bench.ExportAsync();
        await Assert.That((await File.ReadAllBytesAsync(Path.Combine(unpacked, "sealed.db"))).SequenceEqual(encrypted)).IsTrue();
        await Assert.That(File.Exists(Path.Combine(unpacked, "empty.db"))).IsTrue();
        await Assert.That(File.Exists(Path.Combine(unpacked, "unrelated-wal"))).IsTrue();
        await Assert.That((ExportBench.Name(trailer.Databases.Single().Path), trailer.Databases[0].Method)).IsEqualTo(("sealed.db", "plain"));
        await Assert.That(trailer.Partial).IsFalse();
    }

    [Test]
    public async Task The_default_takes_configuration_certificates_and_databases_and_names_the_rest()
    {
        using var bench = new ExportBench();
        Directory.CreateDirectory(bench["deep/er"]);
        foreach (var name in (string[])["app.toml", "deep/er/key.pem", "deep/er/upload.jpg"])
            await File.WriteAllTextAsync(bench[name], name);
        using var connection = bench.Database("deep/er/without-ending");
        ExportBench.Fill(connection, 10);
        var (trailer, unpacked) = await bench.ExportAsync(job => job.Essentials = true);
        await Assert.That(Directory.GetFiles(unpacked, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(unpacked, f)))
            .IsEquivalentTo(["app.toml", "deep/er/key.pem", "deep/er/without-ending"]);
        await Assert.That(trailer.Partial).IsTrue();
        await Assert.That(trailer.Skipped.Select(s => ExportBench.Name(s.Path))).IsEquivalentTo(["deep/er/upload.jpg"]);
    }

    [Test]
    public async Task Excludes_are_left_out_named_and_make_it_partial()
    {
        using var bench = new ExportBench();
        Directory.CreateDirectory(bench["layers/a"]);
        await File.WriteAllTextAsync(bench["layers/a/b"], "left out");
        await File.WriteAllTextAsync(bench["kept"], "kept");
        var (trailer, unpacked) = await bench.ExportAsync(job => job.Excludes.Add("layers/"));
        await Assert.That(Directory.GetFileSystemEntries(unpacked).Select(f => Path.GetFileName(f)!)).IsEquivalentTo(["kept"]);
        await Assert.That(trailer.Partial).IsTrue();
        await Assert.That(ExportBench.Name(trailer.Skipped.Single().Path)).IsEqualTo("layers");
    }

    [Test]
    public async Task An_inspection_counts_what_an_export_then_sends()
    {
        using var bench = new ExportBench();
        using var connection = bench.Database("x.db");
        ExportBench.Fill(connection, 1000);
        ExportBench.Execute(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        await File.WriteAllBytesAsync(bench["blob"], RandomNumberGenerator.GetBytes(300_000));
        File.CreateSymbolicLink(bench["out"], "/etc/passwd");
        var inspection = await bench.InspectAsync();
        var (trailer, _) = await bench.ExportAsync();
        await Assert.That(inspection.Entries).IsEqualTo(trailer.Entries);
        await Assert.That(inspection.Bytes).IsGreaterThan(300_000ul).And.IsLessThanOrEqualTo(trailer.Bytes);
        await Assert.That(inspection.Skipped.Select(s => s.Path)).IsEquivalentTo(trailer.Skipped.Select(s => s.Path));
        await Assert.That(ExportBench.Name(inspection.Databases.Single().Path)).IsEqualTo("x.db");
    }
}
