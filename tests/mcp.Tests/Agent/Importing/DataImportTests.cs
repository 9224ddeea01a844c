using System.Diagnostics;
using Google.Protobuf;
using Mcp.Agent.Ownership;
using Mcp.Errors;
using Mcp.Hostile;
using Mcp.Tests.Archive;
using Mcp.V1;
using Microsoft.Data.Sqlite;

namespace Mcp.Tests.Agent.Importing;

/// <summary>An archive that becomes a service's data, or does not: whole, proven and marked, or nothing visible at all.</summary>
internal sealed class DataImportTests
{
    [Test]
    public async Task A_tree_with_every_kind_of_file_arrives_equal_with_record_and_marker()
    {
        await using var bench = new ImportBench();
        RoundTripTests.MakeTree(bench.PathOf("tree"));
        var answer = await bench.ImportAsync(ArchiveBench.Export(bench.PathOf("tree")).Tar, ImportBench.First(epoch: 7));

        await Assert.That((answer.Aside, answer.AlreadyDone, answer.Record.Epoch, answer.Record.VolumeId, answer.Record.State)).IsEqualTo(("", false, 7ul, ImportBench.Volume, "current"));
        await Assert.That(bench.Parts.Folders.Observe("notes").Marker).IsEqualTo(new OwnerMarker("notes", ImportBench.Volume, 7));
        File.Delete(bench.DataOf("notes", ".mcp-owner"));
        // The marker is the only difference, and it leaves the directory's own time alone (removing it just now did not).
        var expected = RoundTripTests.Describe(bench.PathOf("tree"));
        await Assert.That(RoundTripTests.Describe(bench.DataOf("notes")).Skip(1)).IsEquivalentTo(expected.Skip(1));
        await Assert.That(bench.Placed("staging")).IsEmpty();
        await Assert.That(bench.Placed("aside")).IsEmpty();
    }

    [Test]
    public async Task The_directory_itself_keeps_its_time_under_the_marker()
    {
        await using var bench = new ImportBench();
        await bench.ImportAsync(new TarForge().Entry("./", '5', mode: "0000750\0", time: "00000000144\0").Entry("./a", content: "x").End());
        var folder = new DirectoryInfo(bench.DataOf("notes"));
        await Assert.That((new DateTimeOffset(folder.LastWriteTimeUtc).ToUnixTimeSeconds(), (int)folder.UnixFileMode)).IsEqualTo((100L, 0x1e8));
    }

    [Test]
    public async Task A_link_called_db_is_refused_even_where_it_stays_inside()
    {
        await using var bench = new ImportBench();
        var archive = new TarForge().Entry("./real", content: "x").Entry("./app.db", '2', link: "real").End();
        var refused = await Assert.ThrowsAsync<McpException>(async () => await bench.ImportAsync(archive));
        await Assert.That($"{refused!.Message} {refused.Cause}").Contains("app.db").And.Contains("is a link called .db");
        await Assert.That(Directory.Exists(bench.DataOf("notes"))).IsFalse();
    }

    [Test]
    public async Task An_archive_of_GNU_tar_is_taken_in()
    {
        await using var bench = new ImportBench();
        Directory.CreateDirectory(bench.PathOf("tree/conf"));
        await File.WriteAllTextAsync(bench.PathOf("tree/conf/app.toml"), "x = 1\n");
        using (var tar = Process.Start("tar", ["-C", bench.PathOf("tree"), "--zstd", "-cf", bench.PathOf("x.tar.zst"), "."]))
            await tar.WaitForExitAsync();
        using (var zstd = Process.Start("zstd", ["-qdf", bench.PathOf("x.tar.zst"), "-o", bench.PathOf("x.tar")]))
            await zstd.WaitForExitAsync();
        var (stored, plain) = (await File.ReadAllBytesAsync(bench.PathOf("x.tar.zst")), await File.ReadAllBytesAsync(bench.PathOf("x.tar")));
        await bench.SendAsync([ImportBench.First(), new() { Data = ByteString.CopyFrom(stored) }, new() { Trailer = ImportBench.TrailerOf(plain) }]);
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "conf/app.toml"))).IsEqualTo("x = 1\n");
    }

    [Test]
    public async Task A_hostile_archive_is_refused_with_its_rule_and_nothing_of_it_is_seen()
    {
        // A process for each: all of them in the long run, some kinds otherwise. The rules themselves are tried with all in the library's tests.
        var step = Environment.GetEnvironmentVariable("MCP_LONG_RUN") == "1" ? 1 : 12;
        await using var bench = new ImportBench();
        Directory.CreateDirectory(bench.DataOf("notes"));
        await File.WriteAllTextAsync(bench.DataOf("notes", "kept"), "as it was");
        foreach (var archive in HostileArchives.All.Where(a => a is { Taken: false, Tar: not null }).Where((_, i) => i % step == 0))
        {
            var first = ImportBench.First(force: true);
            (first.AnnouncedBytes, first.AnnouncedEntries) = ((ulong)HostileArchives.MostBytes, (ulong)HostileArchives.MostEntries);
            var fault = await Assert.That(async () => await bench.ImportAsync(archive.Tar!, first)).Throws<McpException>().Because(archive.Name);
            await Assert.That(fault!.Message).Contains(archive.Rule).Because(archive.Name);
            await Assert.That(fault.State).IsEqualTo("nothing was changed").Because(archive.Name);
            await Assert.That(bench.Placed("staging").Concat(bench.Placed("aside"))).IsEmpty().Because(archive.Name);
        }
        await Assert.That(bench.OutsideIsUntouched).IsTrue();
        await Assert.That(Directory.GetFileSystemEntries(bench.DataRoot).Select(p => Path.GetFileName(p)!)).IsEquivalentTo(["notes", ".mcp"]);
        await Assert.That(Directory.GetFileSystemEntries(bench.DataOf("notes")).Length).IsEqualTo(1);
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "kept"))).IsEqualTo("as it was");
        await Assert.That(bench.Parts.Data.Find("notes")).IsNull();
    }

    [Test]
    public async Task A_stream_that_is_not_one_whole_archive_changes_nothing()
    {
        await using var bench = new ImportBench();
        var tar = ImportBench.OneFile("./a", new string('x', 200_000));
        var whole = ImportBench.Messages(tar, piece: 40);
        var trailer = whole[^1].Trailer;
        StreamTrailer Other(Action<StreamTrailer> change)
        {
            var other = trailer.Clone();
            change(other);
            return other;
        }
        List<ImportServiceDataRequest> With(StreamTrailer other) => [.. whole[..^1], new ImportServiceDataRequest { Trailer = other }];
        var broken = new (string Name, List<ImportServiceDataRequest> Messages, FaultCode Code)[]
        {
            ("no trailer", whole[..^1], FaultCode.Aborted),
            ("no data", [whole[0], whole[^1]], FaultCode.InvalidArgument),
            ("half of it", [.. whole[..3], whole[^1]], FaultCode.InvalidArgument),
            ("a piece twice", [.. whole[..3], whole[2], .. whole[3..]], FaultCode.InvalidArgument),
            ("two pieces swapped", [whole[0], whole[2], whole[1], .. whole[3..]], FaultCode.InvalidArgument),
            ("another hash", With(Other(t => t.Sha256 = new string('0', 64))), FaultCode.DataLoss),
            ("no hash", With(Other(t => t.Sha256 = "")), FaultCode.DataLoss),
            ("another length", With(Other(t => t.Bytes++)), FaultCode.DataLoss),
            ("another number", With(Other(t => t.Entries++)), FaultCode.DataLoss),
            ("two trailers", [.. whole, whole[^1]], FaultCode.InvalidArgument),
            ("something behind the trailer", [.. whole, whole[1]], FaultCode.InvalidArgument),
            ("another archive behind it", [.. whole[..^1], .. whole[1..]], FaultCode.InvalidArgument),
            ("force later", [.. whole[..^1], new ImportServiceDataRequest { Force = true, Data = ByteString.CopyFromUtf8("x") }, whole[^1]], FaultCode.InvalidArgument),
            ("another service later", [whole[0], ImportBench.First("wiki"), .. whole[1..]], FaultCode.InvalidArgument),
            ("an empty piece", [whole[0], new ImportServiceDataRequest(), .. whole[1..]], FaultCode.InvalidArgument),
            ("a piece of 2 MiB", [whole[0], new ImportServiceDataRequest { Data = ByteString.CopyFrom(new byte[2 << 20]) }, .. whole[1..]], FaultCode.InvalidArgument),
        };
        foreach (var (name, messages, code) in broken)
        {
            var fault = await Assert.That(async () => await bench.SendAsync(messages)).Throws<McpException>().Because(name);
            await Assert.That(fault!.Code).IsEqualTo(code).Because($"{name}: {fault.Message}");
            await Assert.That(Directory.Exists(bench.DataOf("notes"))).IsFalse().Because(name);
            await Assert.That(bench.Placed("staging")).IsEmpty().Because(name);
        }
        // With pauses in it, and whole: taken.
        await bench.SendAsync([whole[0], new ImportServiceDataRequest { Waiting = true }, .. whole[1..]]);
        await Assert.That(File.Exists(bench.DataOf("notes", "a"))).IsTrue();
    }

    [Test]
    public async Task A_stream_in_crumbs_is_refused()
    {
        await using var bench = new ImportBench();
        var random = new byte[20_000];
        new Random(1).NextBytes(random);
        var tar = ImportBench.OneFile("./a", System.Text.Encoding.Latin1.GetString(random));
        var fault = await Assert.That(async () => await bench.SendAsync(ImportBench.Messages(tar, piece: 1))).Throws<McpException>();
        await Assert.That(fault!.Message).Contains("crumbs");
    }

    [Test]
    public async Task A_connection_that_breaks_before_the_trailer_changes_nothing_and_behind_it_nothing_any_more()
    {
        await using var bench = new ImportBench();
        var messages = ImportBench.Messages(ImportBench.OneFile("./a", "content"));
        bench.Agent.Journal.Open();
        var cut = new IOException("The client reset the request stream.");
        var before = new Messages<ImportServiceDataRequest>(messages[1..^1]) { Cut = cut };
        var fault = await Assert.That(async () => await bench.Agent.Data.ImportAsync(ImportBench.Asker(), messages[0], before, CancellationToken.None)).Throws<McpException>();
        await Assert.That(fault!.State).IsEqualTo("nothing was changed");
        await Assert.That(Directory.Exists(bench.DataOf("notes"))).IsFalse();
        var behind = new Messages<ImportServiceDataRequest>(messages[1..]) { Cut = cut };
        await bench.Agent.Data.ImportAsync(ImportBench.Asker(), messages[0], behind, CancellationToken.None);
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "a"))).IsEqualTo("content");
    }

    [Test]
    public async Task Data_that_is_there_is_replaced_only_by_force_and_lies_aside_then()
    {
        await using var bench = new ImportBench();
        await bench.ImportAsync(ImportBench.OneFile("./a", "old"), ImportBench.First(epoch: 3));
        var refused = await Assert.That(async () => await bench.ImportAsync(ImportBench.OneFile("./a", "new"), ImportBench.First(epoch: 4))).Throws<McpException>();
        await Assert.That(refused!.Code).IsEqualTo(FaultCode.AlreadyExists);
        var lower = await Assert.That(async () => await bench.ImportAsync(ImportBench.OneFile("./a", "new"), ImportBench.First(epoch: 2, force: true))).Throws<McpException>();
        await Assert.That(lower!.Message).Contains("epoch 2");
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "a"))).IsEqualTo("old");

        var answer = await bench.ImportAsync(ImportBench.OneFile("./b", "new"), ImportBench.First(epoch: 4, force: true));
        await Assert.That(Directory.GetFileSystemEntries(bench.DataOf("notes")).Select(p => Path.GetFileName(p)!)).IsEquivalentTo(["b", ".mcp-owner"]);
        await Assert.That(await File.ReadAllTextAsync(Path.Combine(answer.Aside, "a"))).IsEqualTo("old");
        var aside = bench.Parts.Folders.PlacedIn(DataFolders.Aside).Single();
        await Assert.That((aside.Path, aside.Service, aside.Marker!.Epoch)).IsEqualTo((answer.Aside, "notes", 3ul));
        await Assert.That(bench.Placed("staging")).IsEmpty();
    }

    [Test]
    public async Task A_link_a_file_and_a_folder_that_should_not_be_empty_are_refused_before_anything()
    {
        await using var bench = new ImportBench();
        var tar = ImportBench.OneFile("./a", "x");
        Directory.CreateSymbolicLink(bench.DataOf("linked"), bench.PathOf("outside"));
        await File.WriteAllTextAsync(bench.DataOf("file"), "x");
        foreach (var service in new[] { "linked", "file" })
        {
            var fault = await Assert.That(async () => await bench.ImportAsync(tar, ImportBench.First(service, force: true))).Throws<McpException>();
            await Assert.That(fault!.Code).IsEqualTo(FaultCode.FailedPrecondition);
        }
        await bench.ImportAsync(tar);
        Directory.Move(bench.DataOf("notes"), bench.PathOf("unmounted"));
        var gone = await Assert.That(async () => await bench.ImportAsync(tar, ImportBench.First(epoch: 2))).Throws<McpException>();
        await Assert.That(gone!.Hint).Contains("findmnt");
        await Assert.That(bench.OutsideIsUntouched).IsTrue();
        await Assert.That(bench.Placed("staging")).IsEmpty();
        foreach (var first in new[] { ImportBench.First("mcp-master"), ImportBench.First(epoch: 0) })
            await Assert.That(async () => await bench.ImportAsync(tar, first)).Throws<McpException>();
    }

    [Test]
    public async Task A_running_container_of_the_service_is_in_the_way_and_an_unknown_state_too()
    {
        await using var bench = new ImportBench();
        bench.Containers = """[{"Id":"abc","Names":["notes-web"],"State":"running","Labels":{"mcp.service":"notes"}}]""";
        var tar = ImportBench.OneFile("./a", "x");
        var fault = await Assert.That(async () => await bench.ImportAsync(tar)).Throws<McpException>();
        await Assert.That((fault!.Code, fault.Hint)).IsEqualTo((FaultCode.FailedPrecondition, "mcp stop notes"));
        bench.Containers = """[{"Id":"abc","Names":["notes-web"],"State":"exited","Labels":{"mcp.service":"notes"}},{"Id":"def","Names":["wiki"],"State":"running","Labels":{"mcp.service":"wiki"}}]""";
        await bench.ImportAsync(tar);
        bench.Podman.On("GET", "containers/json", 500, """{"cause":"x","message":"x","response":500}""");
        await Assert.That(async () => await bench.ImportAsync(tar, ImportBench.First(epoch: 2, force: true))).Throws<McpException>();
    }

    [Test]
    public async Task The_same_operation_again_is_answered_and_not_done()
    {
        await using var bench = new ImportBench();
        var first = await bench.ImportAsync(ImportBench.OneFile("./a", "x"), id: "import-0001");
        File.Delete(bench.DataOf("notes", "a"));
        await bench.RestartAsync();
        var again = await bench.ImportAsync(ImportBench.OneFile("./a", "x"), id: "import-0001");
        await Assert.That((first.AlreadyDone, again.AlreadyDone, again.BytesWritten)).IsEqualTo((false, true, 1ul));
        await Assert.That(File.Exists(bench.DataOf("notes", "a"))).IsFalse();
        var other = await Assert.That(async () => await bench.ImportAsync(ImportBench.OneFile("./a", "x"), ImportBench.First(epoch: 9), "import-0001")).Throws<McpException>();
        await Assert.That(other!.Code).IsEqualTo(FaultCode.InvalidArgument);
    }

    [Test]
    public async Task More_than_was_announced_is_refused_and_what_has_no_room_is_before_anything_came()
    {
        await using var bench = new ImportBench();
        var tar = ImportBench.OneFile("./a", new string('x', 100_000));
        var few = ImportBench.First();
        few.AnnouncedBytes = 99_999;
        var fault = await Assert.That(async () => await bench.ImportAsync(tar, few)).Throws<McpException>();
        await Assert.That(fault!.Message).Contains("99999 bytes");
        var one = ImportBench.First();
        one.AnnouncedEntries = 1;
        await Assert.That(async () => await bench.ImportAsync(tar, one)).Throws<McpException>();
        var huge = ImportBench.First();
        huge.AnnouncedBytes = 1ul << 60;
        fault = await Assert.That(async () => await bench.ImportAsync(tar, huge)).Throws<McpException>();
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.ResourceExhausted);
        await Assert.That(Directory.Exists(bench.DataOf("notes"))).IsFalse();
    }

    [Test]
    public async Task A_damaged_database_is_refused_and_one_with_its_own_log_is_taken_with_what_stands_there()
    {
        await using var bench = new ImportBench();
        var tree = bench.PathOf("tree");
        Directory.CreateDirectory(tree);
        // A database whose last commits stand in its log only, as a killed service leaves it.
        using (var live = new SqliteConnection($"Data Source={bench.PathOf("live.db")};Pooling=False"))
        {
            live.Open();
            Execute(live, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3)");
            File.Copy(bench.PathOf("live.db"), Path.Combine(tree, "x.db"));
            File.Copy(bench.PathOf("live.db-wal"), Path.Combine(tree, "x.db-wal"));
        }
        await bench.ImportAsync(ArchiveBench.Export(tree).Tar);
        await Assert.That(Directory.GetFiles(bench.DataOf("notes")).Select(f => Path.GetFileName(f))).IsEquivalentTo(["x.db", "x.db-wal", ".mcp-owner"]);
        using (var arrived = new SqliteConnection($"Data Source={bench.DataOf("notes", "x.db")};Pooling=False"))
        {
            arrived.Open();
            using var count = arrived.CreateCommand();
            count.CommandText = "SELECT count(*) FROM t";
            await Assert.That((long)count.ExecuteScalar()!).IsEqualTo(3);
        }

        // A log beside a database that the sender copied is void.
        File.Delete(Path.Combine(tree, "x.db-wal"));
        File.Delete(Path.Combine(tree, "x.db"));
        using (var copy = new SqliteConnection($"Data Source={Path.Combine(tree, "x.db")};Pooling=False"))
        {
            copy.Open();
            Execute(copy, "CREATE TABLE t(x); CREATE INDEX i ON t(x); INSERT INTO t VALUES (1)");
            for (var i = 0; i < 6; i++)
                Execute(copy, "INSERT INTO t SELECT x || 'and more of it to fill pages' || x FROM t; INSERT INTO t SELECT 'x' || x FROM t");
        }
        await File.WriteAllTextAsync(Path.Combine(tree, "x.db-wal"), "rubbish of another time");
        var tar = ArchiveBench.Export(tree).Tar;
        var messages = ImportBench.Messages(tar, ImportBench.First(epoch: 2, force: true));
        messages[^1].Trailer.Databases.Add(new DatabaseCopy { Path = ByteString.CopyFromUtf8("x.db"), Method = "backup" });
        messages[^1].Trailer.Databases.Add(new DatabaseCopy { Path = ByteString.CopyFromUtf8("../../outside/precious"), Method = "backup" });
        await bench.SendAsync(messages);
        await Assert.That(Directory.GetFiles(bench.DataOf("notes")).Select(f => Path.GetFileName(f))).IsEquivalentTo(["x.db", ".mcp-owner"]);

        // One damaged page.
        File.Delete(Path.Combine(tree, "x.db-wal"));
        var bytes = await File.ReadAllBytesAsync(Path.Combine(tree, "x.db"));
        bytes.AsSpan(4096, 600).Fill(0x41);
        await File.WriteAllBytesAsync(Path.Combine(tree, "x.db"), bytes);
        var fault = await Assert.That(async () => await bench.ImportAsync(ArchiveBench.Export(tree).Tar, ImportBench.First(epoch: 3, force: true))).Throws<McpException>();
        await Assert.That(fault!.Message).Contains("x.db").And.Contains("SQLite database");
        await Assert.That(bench.Parts.Data.Find("notes")!.Epoch).IsEqualTo(2ul);
        await Assert.That(bench.Placed("staging")).IsEmpty();
    }

    [Test]
    public async Task A_partial_archive_lies_over_what_is_there()
    {
        await using var bench = new ImportBench();
        RoundTripTests.MakeTree(bench.PathOf("tree"));
        var whole = ArchiveBench.Export(bench.PathOf("tree")).Tar;
        await bench.ImportAsync(whole);
        var part = new TarForge().Entry("./", '5', mode: "0000700\0").Entry("./plain", content: "changed").Folder("./deep").Entry("./deep/new", content: "new").End();
        var first = ImportBench.First(epoch: 2);
        first.Overlay = true;
        var answer = await bench.ImportAsync(part, first);
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "plain"))).IsEqualTo("changed");
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "deep/new"))).IsEqualTo("new");
        // The other name of the file that was replaced keeps its content, and so does the copy aside.
        await Assert.That(await File.ReadAllTextAsync(bench.DataOf("notes", "deep/hard"))).IsEqualTo("content\n");
        await Assert.That(await File.ReadAllTextAsync(Path.Combine(answer.Aside, "plain"))).IsEqualTo("content\n");
        var untouched = RoundTripTests.Describe(bench.PathOf("tree")).Where(l => !l.StartsWith(". ", StringComparison.Ordinal) && !l.StartsWith("/deep ", StringComparison.Ordinal) && !l.StartsWith("/plain ", StringComparison.Ordinal) && !l.StartsWith("/deep/hard ", StringComparison.Ordinal));
        await Assert.That(RoundTripTests.Describe(bench.DataOf("notes"))).Contains(untouched.First());
        foreach (var line in untouched)
            await Assert.That(RoundTripTests.Describe(bench.DataOf("notes"))).Contains(line);
        await Assert.That(bench.Placed("staging")).IsEmpty();

        // What meets another kind is refused, named, and nothing is changed.
        var clash = ImportBench.First(epoch: 3);
        clash.Overlay = true;
        var fault = await Assert.That(async () => await bench.ImportAsync(new TarForge().Entry("./", '5', mode: "0000700\0").Entry("./empty", content: "a file now").End(), clash)).Throws<McpException>();
        await Assert.That(fault!.Message).Contains("the service has a directory of that name");
        await Assert.That(bench.Parts.Data.Find("notes")!.Epoch).IsEqualTo(2ul);
        await Assert.That(bench.Placed("staging")).IsEmpty();
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
