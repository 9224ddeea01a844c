using Mcp.Archive;
using Mcp.Confinement.Work;
using Mcp.Hostile;
using Mcp.Native;
using Mcp.V1;

namespace Mcp.Tests.Archive;

/// <summary>Every hostile archive through the very code that an import runs behind its walls; the end-to-end tests take the same ones through the published file.</summary>
public class HostileArchiveTests
{
    public static IEnumerable<Func<HostileArchive>> Cases() => HostileArchives.All.Select(c => new Func<HostileArchive>(() => c));

    [Test]
    [MethodDataSource(nameof(Cases))]
    public async Task Is_refused_by_the_rule_that_it_breaks_or_made_harmless_and_touches_nothing_outside(HostileArchive archive)
    {
        using var bench = new ArchiveBench(inMemory: true);
        StreamTrailer? came = null;
        var refusal = Refusal(() => came = Extract(bench, archive.Stored));
        if (archive.Taken)
        {
            await Assert.That(refusal?.Message).IsNull();
            await Assert.That(string.Join('\n', came!.Skipped.Select(s => s.Rule))).Contains(archive.Rule);
            await Assert.That(Describe(bench.Target).Any(line => line.Special || (line.Mode & 0xe00) != 0)).IsFalse();
        }
        else
        {
            await Assert.That(refusal?.Message).IsNotNull().And.Contains(archive.Rule);
            // The entry itself, or the one that it stands behind.
            await Assert.That(refusal!.Message).StartsWith(refusal.Entry is null ? "the archive " : "the entry ");
            await Assert.That(refusal.Entry is not null || refusal.Message.Contains("behind the entry ", StringComparison.Ordinal) || refusal.Message.EndsWith("(at its first entry)", StringComparison.Ordinal)).IsTrue();
        }
        await Assert.That(bench.OutsideIsUntouched).IsTrue();
    }

    [Test]
    public async Task There_are_enough_kinds_and_no_name_twice()
    {
        var names = HostileArchives.All.Select(c => c.Name).ToList();
        await Assert.That(names.Count).IsGreaterThanOrEqualTo(200);
        await Assert.That(names.Distinct().Count()).IsEqualTo(names.Count);
    }

    [Test]
    public async Task Any_bytes_keep_the_promises_of_the_reader()
    {
        using var scratch = new TemporaryFolder(inMemory: true);
        foreach (var archive in HostileArchives.All.Where(a => a.Stored.Length < 100_000))
        {
            Judge.Stored(archive.Stored, scratch.Path);
            if (archive.Tar is { Length: < 100_000 } tar)
                Judge.Tar(Judge.WithChecksums(tar), scratch.Path);
        }
        // What fuzzing found, whatever it was.
        foreach (var found in Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "found")))
        {
            var bytes = await File.ReadAllBytesAsync(found);
            Judge.Stored(bytes, scratch.Path);
            Judge.Tar(bytes, scratch.Path);
            Judge.Tar(Judge.WithChecksums(bytes), scratch.Path);
        }
        await Assert.That(Directory.EnumerateFileSystemEntries(scratch.Path)).IsEmpty();
    }

    [Test]
    public async Task A_cut_at_any_byte_is_noticed()
    {
        var whole = Honest();
        // The two end marks are the last 1024 bytes; after them the archive is whole.
        using var bench = new ArchiveBench(inMemory: true);
        for (var length = 0; length < whole.Length; length++)
        {
            bench.Renew();
            if (Refusal(() => bench.Import(new MemoryStream(whole, 0, length))) is null)
                Assert.Fail($"cut after {length} of {whole.Length} bytes, and taken for whole");
        }
        bench.Renew();
        await Assert.That(Refusal(() => bench.Import(new MemoryStream(whole)))).IsNull();
    }

    [Test]
    public async Task A_real_tree_cut_at_every_block_and_at_a_thousand_places_is_never_whole()
    {
        using var bench = new ArchiveBench(inMemory: true);
        var tar = Real(bench);
        var stored = ZstdForge.Frame(tar);
        var random = new Random(23);
        for (var length = 0; length < tar.Length; length += TarBlock.Size)
            RequireRefusal(bench, ZstdForge.Frame(tar.AsSpan(0, length)), $"the tar cut after {length} of {tar.Length} bytes");
        for (var round = 0; round < 1000; round++)
        {
            var (of, within) = (random.Next(stored.Length), random.Next(tar.Length));
            RequireRefusal(bench, stored[..of], $"the stream cut after {of} of {stored.Length} bytes");
            RequireRefusal(bench, ZstdForge.Frame(tar.AsSpan(0, within)), $"the tar cut after {within} of {tar.Length} bytes");
        }
        bench.Renew();
        await Assert.That(Refusal(() => Extract(bench, stored))).IsNull();
    }

    [Test]
    public async Task A_bit_that_flipped_at_a_thousand_places_is_refused_or_shows_in_the_digest()
    {
        using var bench = new ArchiveBench(inMemory: true);
        var tar = Real(bench);
        var stored = ZstdForge.Frame(tar);
        var random = new Random(29);
        bench.Renew();
        var whole = Extract(bench, stored);
        for (var round = 0; round < 1000; round++)
        {
            RequireNotTheSame(bench, Flipped(stored, random), whole, sameIfUnused: true);
            RequireNotTheSame(bench, ZstdForge.Frame(Flipped(tar, random)), whole, sameIfUnused: false);
        }
        await Assert.That(bench.OutsideIsUntouched).IsTrue();
    }

    [Test]
    public async Task Entries_and_bytes_are_limited_before_anything_is_written_for_them()
    {
        using var bench = new ArchiveBench();
        var tar = new TarForge().Entry("a", content: "12345678").Entry("b", content: "12345678").End();
        var bytes = Refusal(() => bench.Import(new MemoryStream(tar), new ArchiveLimits { Bytes = 15 }));
        await Assert.That(bytes?.Message).IsEqualTo("the entry b would need more than the 15 bytes that are announced or free");
        await Assert.That(File.Exists(Path.Combine(bench.Target, "b"))).IsFalse();
        using var other = new ArchiveBench();
        var entries = Refusal(() => other.Import(new MemoryStream(tar), new ArchiveLimits { Entries = 1 }));
        await Assert.That(entries?.Message).IsEqualTo("the archive has more than 1 entries (behind the entry a)");
    }

    [Test]
    public async Task Set_id_bits_foreign_attributes_and_a_marker_are_dropped_and_named()
    {
        using var bench = new ArchiveBench();
        var tar = new TarForge().Folder("./").Entry("f", mode: "0006755\0").Pax(("SCHILY.xattr.security.capability", "x")).Entry("g").Entry(".mcp-owner", content: "{}").End();
        var import = bench.Import(new MemoryStream(tar));
        var notes = import.LeftOut.Select(n => $"{System.Text.Encoding.UTF8.GetString(n.Name)} {n.Rule}").ToList();
        await Assert.That(notes).IsEquivalentTo([
            "f came without set-id or sticky bits", "g came without the attribute security.capability", ".mcp-owner belongs to the node that wrote it and is made anew"]);
        await Assert.That(File.GetUnixFileMode(Path.Combine(bench.Target, "f")) & (UnixFileMode.SetUser | UnixFileMode.SetGroup)).IsEqualTo(UnixFileMode.None);
        await Assert.That(File.Exists(Path.Combine(bench.Target, ".mcp-owner"))).IsFalse();
    }

    [Test]
    public async Task Notes_of_what_was_dropped_are_counted_and_take_little_room()
    {
        using var bench = new ArchiveBench();
        var forge = new TarForge().Folder("./");
        var far = string.Join('/', Enumerable.Repeat(new string('l', 200), 15));
        for (var n = 0; n < 2000; n++)
            forge.Pax(("path", $"{far}/{n}")).Entry("f", mode: "0006755\0");
        var came = Extract(bench, ZstdForge.Frame(forge.End()));
        await Assert.That(came.CalculateSize()).IsLessThan(1 << 20);
        await Assert.That(came.Skipped.Count).IsGreaterThan(100);
        await Assert.That(came.Skipped[^1].Rule).IsEqualTo($"and {2000 - (came.Skipped.Count - 1)} more");
    }

    [Test]
    public async Task What_this_file_system_does_not_take_is_refused_and_named()
    {
        using var bench = new ArchiveBench();
        // No file system of Linux has a name space of this length; the kernel's own limit for a value is 64 KiB, this one's may be less.
        var tar = new TarForge().Folder("./").Pax(("SCHILY.xattr.user.large", new string('v', 65_000))).Entry("f", content: "x").End();
        var refusal = Refusal(() => bench.Import(new MemoryStream(tar)));
        if (refusal is not null)
            await Assert.That(refusal.Message).StartsWith("the entry f has the attribute user.large, which cannot be set here (fsetxattr");
    }

    // A tree as services have it, as an archive: folders, links, holes, odd names, attributes.
    private static byte[] Real(ArchiveBench bench)
    {
        RoundTripTests.MakeTree(bench.PathOf("tree"));
        File.Delete(bench.PathOf("tree/deep/er/binary"));
        File.Delete(bench.PathOf("tree/holes"));
        File.WriteAllBytes(bench.PathOf("tree/deep/er/binary"), [.. Enumerable.Range(0, 20_000).Select(n => (byte)(n * 7))]);
        var tar = ArchiveBench.Export(bench.PathOf("tree")).Tar;
        bench.Remove("tree");
        return tar;
    }

    private static byte[] Flipped(byte[] whole, Random random)
    {
        var damaged = (byte[])whole.Clone();
        damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
        return damaged;
    }

    private static void RequireNotTheSame(ArchiveBench bench, byte[] stored, StreamTrailer whole, bool sameIfUnused)
    {
        bench.Renew();
        StreamTrailer? came = null;
        if (Refusal(() => came = Extract(bench, stored)) is null && came!.Sha256 == whole.Sha256 && !sameIfUnused)
            Assert.Fail("a flipped bit of the tar is in no digest");
        // A bit of the stream that the format leaves unused changes nothing; whatever changes something is refused by the stream's own checksum.
        if (came is not null && sameIfUnused && came.Sha256 != whole.Sha256)
            Assert.Fail("a flipped bit of the stream was decompressed to something else");
    }

    private static void RequireRefusal(ArchiveBench bench, byte[] stored, string what)
    {
        bench.Renew();
        if (Refusal(() => Extract(bench, stored)) is null)
            Assert.Fail($"{what}, and taken for whole");
    }

    private static StreamTrailer Extract(ArchiveBench bench, byte[] stored)
    {
        using var folder = Folder.Open(bench.Target);
        var order = new IntakeOrder(HostileArchives.MostBytes, HostileArchives.MostEntries, ArchiveBench.IsRoot, KeepRoot: false);
        return new TreeIntake(order).Extract(new MemoryStream(stored), folder, CancellationToken.None);
    }

    private static List<(bool Special, uint Mode)> Describe(string root)
    {
        using var folder = Folder.Open(root);
        return [(false, NativeFile.StatusOf(folder.Handle).Mode & 0xfff), .. Describe(folder)];
    }

    private static IEnumerable<(bool Special, uint Mode)> Describe(Folder folder)
    {
        foreach (var name in folder.Names())
        {
            var status = folder.StatusOf(name);
            yield return (!status.IsFile && !status.IsFolder && !status.IsLink, status.Mode & 0xfff);
            if (!status.IsFolder)
                continue;
            using var inner = folder.OpenFolder(name);
            foreach (var further in Describe(inner))
                yield return further;
        }
    }

    private static byte[] Honest() =>
        new TarForge().Folder("./").Folder("a/").Entry("a/f", content: "hello").Link("a/l", "f").HardLink("h", "a/f").Pax(("path", "a/" + new string('y', 120))).Entry("x", content: new string('z', 700)).End();

    private static ArchiveException? Refusal(Action import)
    {
        try
        {
            import();
            return null;
        }
        catch (ArchiveException e)
        {
            return e;
        }
    }
}
