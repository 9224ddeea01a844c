using ZstdSharp.Unsafe;

namespace Mcp.Hostile;

// What asks for more than it may take, and compressed streams that lie.
public static partial class HostileArchives
{
    private static readonly byte[] Small = New().Entry("f", content: "x").End();

    private static IEnumerable<HostileArchive> Bombs() =>
    [
        new("bomb of bytes in one file", "announced or free",
            ZstdForge.Frame(New().Entry("bomb", size: TarForge.Octal(1L << 30, 11)).End(marks: 0), new byte[1 << 20], 1 << 10, new byte[1024])),
        new("bomb of bytes in many files", "announced or free", ZstdForge.Frame(
            [.. New().End(marks: 0), .. Enumerable.Range(0, 5).SelectMany(n => new TarForge().Entry($"f{n}", size: TarForge.Octal(4 << 20, 11)).End(marks: 0).Concat(new byte[4 << 20]))])),
        new("bomb of extended headers", "extended headers that would need", ZstdForge.Frame(
            New().End(marks: 0), new TarForge().Pax(("comment", new string('c', 60_000))).Folder("a").End(marks: 0), 1000, new byte[1024])),
        new("bomb of attributes", "extended headers that would need", ZstdForge.Frame(
            New().End(marks: 0), new TarForge().Pax(("SCHILY.xattr.security.x", new string('c', 60_000))).Folder("a").End(marks: 0), 1000, new byte[1024])),
        Case("bomb of entries", "more than 10000 entries", Many(New(), n => new TarForge().Entry($"f{n}"))),
        Case("bomb of folders", "more than 10000 entries", Many(New(), n => new TarForge().Folder($"d{n}"))),
        Case("bomb of hard links", "more than 10000 entries", Many(New().Entry("f", content: "x"), n => new TarForge().HardLink($"h{n}", "f"))),
        new("bomb of one folder again and again", "more than 10000 entries", ZstdForge.Frame(New().End(marks: 0), new TarForge().Folder("a").End(marks: 0), 20_000, new byte[1024])),
        new("bomb of zeros behind the end", "zeros behind its end", ZstdForge.Frame(Small, new byte[1 << 20], 512, [])),
    ];

    private static IEnumerable<HostileArchive> Streams() =>
    [
        new("skippable frame first", "skippable", [.. ZstdForge.Skippable("hidden"u8), .. ZstdForge.Frame(Small)]),
        new("skippable frame in the middle", "skippable", [.. ZstdForge.Frame(Small.AsSpan(0, 512)), .. ZstdForge.Skippable([]), .. ZstdForge.Frame(Small.AsSpan(512))]),
        new("skippable frame last", "skippable", [.. ZstdForge.Frame(Small), .. ZstdForge.Skippable("hidden"u8)]),
        new("skippable frame of 4 GiB", "skippable", [.. ZstdForge.Skippable("x"u8, uint.MaxValue), .. ZstdForge.Frame(Small)]),
        new("no checksum of the stream", "without a checksum", ZstdForge.Frame(Small, 1, (ZSTD_cParameter.ZSTD_c_checksumFlag, 0))),
        new("wrong checksum of the stream", "damaged compressed stream", [.. ZstdForge.Frame(Small)[..^1], (byte)(ZstdForge.Frame(Small)[^1] ^ 1)]),
        new("window of 16 MiB", "window of 16 MiB", ZstdForge.Frame(Small, 1, (ZSTD_cParameter.ZSTD_c_windowLog, 24), (ZSTD_cParameter.ZSTD_c_contentSizeFlag, 0))),
        new("window of 2 GiB", "window of 2048 MiB", ZstdForge.Raw(0x04, [0xa8], Small)),
        new("window of 3.75 TiB", "is no zstd stream", ZstdForge.Raw(0x04, [0xff], Small)),
        new("content size of 2^63 in one segment", "window of", ZstdForge.Raw(0xe4, [0, 0, 0, 0, 0, 0, 0, 0x80], Small)),
        new("content size that is too small", "damaged compressed stream", ZstdForge.Raw(0x24, [5], Small)),
        new("content size that is too large", "damaged compressed stream", ZstdForge.Raw(0x64, [0xff, 0xff], Small)),
        new("dictionary", "dictionary", ZstdForge.Raw(0x05, [0x58, 1], Small)),
        new("dictionary of four bytes", "dictionary", ZstdForge.Raw(0x07, [0x58, 1, 2, 3, 4], Small)),
        new("reserved bit in the frame", "is no zstd stream", ZstdForge.Raw(0x0c, [0x58], Small)),
        new("reserved kind of block", "damaged compressed stream", ZstdForge.Raw(0x04, [0x58], Small, kind: 3)),
        new("compressed block of garbage", "damaged compressed stream", ZstdForge.Raw(0x04, [0x58], Small, kind: 2)),
        new("frame that is cut", "cut", ZstdForge.Frame(Small)[..^3]),
        new("frame header that is cut", "is no zstd stream", ZstdForge.Frame(Small)[..5]),
        new("second frame that is cut", "something after", [.. ZstdForge.Frame(Small), .. ZstdForge.Frame(Small)[..4]]),
        new("garbage behind the stream", "something after", [.. ZstdForge.Frame(Small), .. "garbage behind the stream"u8]),
        new("a byte behind the stream", "something after", [.. ZstdForge.Frame(Small), 0]),
        new("another archive in a second frame", "after its end", [.. ZstdForge.Frame(Small), .. ZstdForge.Frame(New().Entry("../g", content: "x").End())]),
        new("compressed twice", "cut", ZstdForge.Frame(ZstdForge.Frame(Small))),
        new("not compressed", "is no zstd stream", Small),
        new("a frame of an old zstd", "is no zstd stream", [0x27, 0xb5, 0x2f, 0xfd, .. ZstdForge.Frame(Small)[4..]]),
        new("gzip", "is no zstd stream", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]),
        new("no byte", "is empty", []),
    ];

    private static TarForge Many(TarForge tar, Func<int, TarForge> part)
    {
        for (var n = 0; n < 10_001; n++)
            tar.Append(part(n).End(marks: 0));
        return tar;
    }
}
