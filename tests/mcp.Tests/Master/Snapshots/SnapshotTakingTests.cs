using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Master.Snapshots;
using Mcp.V1;

namespace Mcp.Tests.Master.Snapshots;

public class SnapshotTakingTests
{
    [Test]
    public async Task A_snapshot_is_a_whole_archive_with_its_description_and_a_row()
    {
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        agent.Archives["notes"] = FakeArchive.Of(partial: true, ("notes.toml", "a = 1\n"u8.ToArray()));
        var id = Mcp.Names.OperationId.New(TimeProvider.System).Value;
        var made = await bench.CreateAsync(id);

        await Assert.That(bench.Files()).IsEquivalentTo([made.Filename, SnapshotName.Description(made.Filename)]);
        var file = Path.Combine(bench.FolderOf(), made.Filename);
        await Assert.That(File.ReadAllBytes(file)).IsEquivalentTo(agent.Archives["notes"].Bytes);
        await Assert.That(File.GetUnixFileMode(file) | File.GetUnixFileMode(SnapshotName.Description(file))).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await Assert.That(File.GetUnixFileMode(bench.FolderOf())).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        var listed = (await bench.Admin.ListSnapshotsAsync(new ListSnapshotsRequest { ServiceName = "notes" })).Snapshots.Single();
        await Assert.That((listed.Id, listed.Filename, listed.Node, listed.Epoch, listed.Manual, listed.Partial)).IsEqualTo((made.Id, made.Filename, "orion", 1UL, true, true));
        await Assert.That(listed.Skipped.Single().Path.ToByteArray()).IsEquivalentTo(new byte[] { (byte)'x', 0xff });
        await Assert.That((listed.Sha256, listed.FileSha256)).IsEqualTo((agent.Archives["notes"].Trailer.Sha256, Convert.ToHexStringLower(SHA256.HashData(agent.Archives["notes"].Bytes))));

        // Asked with the data's epoch, so that no other copy can answer; and the same operation again is the same snapshot.
        await Assert.That((agent.Exports.Single().Mode, agent.Exports.Single().Epoch)).IsEqualTo(("snapshot", 1UL));
        var again = await bench.CreateAsync(id);
        await Assert.That((again.Filename, again.AlreadyDone, agent.Exports.Count)).IsEqualTo((made.Filename, true, 1));

        // The folder explains itself: what ran on the data is in the description, as a definition that can be deployed.
        var document = SnapshotDocument.Read(File.ReadAllBytes(SnapshotName.Description(file)))!;
        await Assert.That(document.ReadSpec()).IsEqualTo(MasterBench.Spec("notes"));
        await Assert.That(document.Definition).Contains("name");
        await Assert.That(document.Images.Single().Digest).StartsWith("sha256:");
        await Assert.That(document.ToRow().Trailer).IsEqualTo(bench.Rows().Single().Trailer);
    }

    [Test]
    [Arguments("cut")]
    [Arguments("hash")]
    [Arguments("entries")]
    [Arguments("bit")]
    [Arguments("tail")]
    public async Task What_is_not_what_its_trailer_says_leaves_nothing_and_is_told(string how)
    {
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        var whole = agent.Archives["notes"];
        var trailer = whole.Trailer.Clone();
        var bytes = whole.Bytes.ToArray();
        switch (how)
        {
            case "hash":
                trailer.Sha256 = new string('0', 64);
                break;
            case "entries":
                trailer.Entries++;
                break;
            case "bit":
                bytes[bytes.Length / 2] ^= 1;
                break;
            case "tail":
                bytes = [.. bytes, .. "more"u8];
                break;
        }
        agent.Archives["notes"] = new FakeArchive(bytes, trailer) { Cut = how == "cut" };
        var fault = await Assert.ThrowsAsync<McpException>(() => bench.CreateAsync());
        await Assert.That((fault!.Code, fault.Hint)).IsEqualTo((FaultCode.DataLoss, fault.Hint));
        await Assert.That(bench.Files()).IsEmpty();
        await Assert.That(bench.Rows()).IsEmpty();
        await Assert.That(bench.Events("snapshot-failed").Single().Service).IsEqualTo("notes");
        // What stood in the way is gone: nothing of the failure is left.
        agent.Archives["notes"] = whole;
        await bench.CreateAsync();
        await Assert.That(bench.Rows().Count).IsEqualTo(1);
    }

    [Test]
    public async Task Two_in_one_second_have_two_names_and_never_overwrite()
    {
        using var folder = new TemporaryFolder();
        var store = new SnapshotFolder(folder["snapshots"], _ => (100, 100));
        var at = DateTimeOffset.Parse("2026-04-01T00:00:00Z", System.Globalization.CultureInfo.InvariantCulture);
        var names = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => TakeAsync(store, at)));
        await Assert.That(names.Order(StringComparer.Ordinal)).IsEquivalentTo(
            ["2026-04-01T00:00:00Z-2.tar.zst", "2026-04-01T00:00:00Z-3.tar.zst", "2026-04-01T00:00:00Z-4.tar.zst", "2026-04-01T00:00:00Z.tar.zst"]);
    }

    [Test]
    public async Task A_full_disk_is_refused_before_and_stops_during_and_nothing_is_removed_for_it()
    {
        using var folder = new TemporaryFolder();
        var free = 11L;
        var store = new SnapshotFolder(folder["snapshots"], _ => (free, 100));
        store.Room.Require(1);
        await Assert.That(Assert.Throws<McpException>(() => store.Room.Require(2)).Code).IsEqualTo(FaultCode.ResourceExhausted);
        // 70 MB in, the disk has become full.
        var fault = await Assert.ThrowsAsync<McpException>(() => store.TakeAsync(
            SnapshotSubject.Service("notes"),
            DateTimeOffset.UnixEpoch,
            async intake =>
            {
                var archive = FakeArchive.Of(("blob", RandomNumberGenerator.GetBytes(70 << 20)));
                for (var sent = 0; sent < archive.Bytes.Length; sent += 1 << 20)
                {
                    free = sent > 1 << 20 ? 9 : 11;
                    await intake.WriteAsync(archive.Bytes.AsMemory(sent, Math.Min(1 << 20, archive.Bytes.Length - sent)), CancellationToken.None);
                }
                return Row(archive);
            },
            row => SnapshotDocument.Of(row, null, [])));
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.ResourceExhausted);
        await Assert.That(Directory.GetFiles(folder["snapshots"], "*", SearchOption.AllDirectories)).IsEmpty();
    }

    [Test]
    public async Task A_download_is_the_file_with_a_trailer_and_state_of_the_control_plane_is_not_given_out()
    {
        var (bench, agent) = await SnapshotBench.StartAsync();
        await using var _ = bench;
        var made = await bench.CreateAsync();
        using var call = bench.Admin.DownloadSnapshot(new DownloadSnapshotRequest { ServiceName = "notes" });
        var bytes = new MemoryStream();
        StreamTrailer? trailer = null;
        await foreach (var part in call.ResponseStream.ReadAllAsync())
        {
            bytes.Write(part.Data.Span);
            trailer = part.Trailer ?? trailer;
        }
        await Assert.That(bytes.ToArray()).IsEquivalentTo(agent.Archives["notes"].Bytes);
        await Assert.That((trailer!.Bytes, trailer.Sha256)).IsEqualTo((made.SizeBytes, Convert.ToHexStringLower(SHA256.HashData(bytes.ToArray()))));

        foreach (var name in new[] { "mcp-master", "mcp-agent/orion" })
        {
            await bench.Admin.CreateSnapshotAsync(new CreateSnapshotRequest { ServiceName = "mcp-master" }, MasterBench.Operation());
            using var refused = bench.Admin.DownloadSnapshot(new DownloadSnapshotRequest { ServiceName = name });
            var fault = await Assert.ThrowsAsync<McpException>(() => refused.ResponseStream.MoveNext(CancellationToken.None));
            await Assert.That(fault!.Code).IsEqualTo(FaultCode.PermissionDenied);
        }
    }

    [Test]
    public async Task The_masters_own_state_is_taken_and_verifies()
    {
        var (bench, _) = await SnapshotBench.StartAsync();
        await using var __ = bench;
        var made = await bench.Admin.CreateSnapshotAsync(new CreateSnapshotRequest { ServiceName = "mcp-master" }, MasterBench.Operation());
        await Assert.That(File.Exists(Path.Combine(bench.FolderOf("mcp-master"), made.Filename))).IsTrue();
        var verdict = (await bench.Admin.VerifySnapshotAsync(new VerifySnapshotRequest { ServiceName = "mcp-master" }, MasterBench.Operation())).Verdicts.Single();
        await Assert.That((verdict.Good, verdict.Error, verdict.Databases.Single())).IsEqualTo((true, "", "master.db"));
    }

    private static async Task<string> TakeAsync(SnapshotFolder store, DateTimeOffset at)
    {
        var archive = FakeArchive.Of(("a", Encoding.UTF8.GetBytes("b")));
        var row = await store.TakeAsync(
            SnapshotSubject.Service("notes"),
            at,
            async intake =>
            {
                await intake.WriteAsync(archive.Bytes, CancellationToken.None);
                return Row(archive);
            },
            described => SnapshotDocument.Of(described, null, []));
        return row.Filename;
    }

    private static SnapshotRow Row(FakeArchive archive) => new()
    {
        Service = "notes",
        Filename = "",
        Node = "orion",
        SizeBytes = 0,
        FileSha256 = "",
        CreatedAt = "2026-04-01T00:00:00Z",
        Manual = false,
        Trailer = archive.Trailer,
    };
}
