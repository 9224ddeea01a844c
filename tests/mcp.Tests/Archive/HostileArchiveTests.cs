using Mcp.Archive;

namespace Mcp.Tests.Archive;

public class HostileArchiveTests
{
    public static IEnumerable<Func<HostileArchive>> Cases() => HostileArchives.All().Select(c => new Func<HostileArchive>(() => c));

    [Test]
    [MethodDataSource(nameof(Cases))]
    public async Task Is_refused_by_the_rule_that_it_breaks_and_touches_nothing_outside(HostileArchive archive)
    {
        using var bench = new ArchiveBench();
        var refusal = Refusal(() => bench.Import(new MemoryStream(archive.Tar)));
        await Assert.That(refusal?.Message).IsNotNull().And.Contains(archive.Rule);
        await Assert.That(bench.OutsideIsUntouched).IsTrue();
    }

    [Test]
    public async Task There_are_enough_kinds_and_no_name_twice()
    {
        var names = HostileArchives.All().Select(c => c.Name).ToList();
        await Assert.That(names.Count).IsGreaterThanOrEqualTo(80);
        await Assert.That(names.Distinct().Count()).IsEqualTo(names.Count);
    }

    [Test]
    public async Task A_cut_at_any_byte_is_noticed()
    {
        var whole = Honest();
        // The two end marks are the last 1024 bytes; after them the archive is whole.
        using var bench = new ArchiveBench();
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
    public async Task A_flipped_bit_never_reaches_outside()
    {
        var whole = Honest();
        var random = new Random(17);
        using var bench = new ArchiveBench();
        for (var round = 0; round < 1000; round++)
        {
            var tar = (byte[])whole.Clone();
            tar[random.Next(tar.Length)] ^= (byte)(1 << random.Next(8));
            bench.Renew();
            // Refused or not (a bit of a file's content is nobody's rule; the trailer's hash finds it): outside is untouched.
            Refusal(() => bench.Import(new MemoryStream(tar)));
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
        await Assert.That(entries?.Message).IsEqualTo("the archive has more than 1 entries");
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
