namespace Mcp.Tests.Archive;

/// <summary>A named archive that must be refused, and a word of the rule that refuses it.</summary>
public sealed record HostileArchive(string Name, string Rule, byte[] Tar)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>The kinds of hostile archives, each made as small as shows it. Links lead to <c>/tmp</c> names that nobody has.</summary>
internal static class HostileArchives
{
    private const string Far = "/tmp/mcp-nobody-has-this";

    private static readonly string Deep = string.Join('/', Enumerable.Repeat("d", 300));

    private static readonly string Long = new('n', 300);

    public static IEnumerable<HostileArchive> All() => [.. Paths(), .. Links(), .. HardLinks(), .. Twice(), .. Types(), .. Numbers(), .. Extended(), .. Shapes()];

    private static TarForge New() => new TarForge().Folder("./");

    private static HostileArchive Case(string name, string rule, TarForge tar) => new(name, rule, tar.End());

    private static IEnumerable<HostileArchive> Paths() =>
    [
        Case("parent", "'..'", New().Entry("../x", content: "x")),
        Case("parent behind a dot", "'..'", New().Entry("./../x", content: "x")),
        Case("parent within", "'..'", New().Folder("a").Entry("a/../../x", content: "x")),
        Case("parent at the end", "'..'", New().Folder("a/..")),
        Case("absolute file", "absolute", New().Entry(Far, content: "x")),
        Case("absolute folder", "absolute", New().Folder("/")),
        Case("absolute behind a dot", "absolute", New().Entry("./" + Far, content: "x")),
        Case("two slashes", "empty part", New().Entry("a//b", content: "x")),
        Case("two dots-slash", "'.'", New().Entry("././x", content: "x")),
        Case("dot within", "'.'", New().Entry("a/./b", content: "x")),
        Case("no name", "without a name", New().Entry("", content: "x")),
        Case("file with a final slash of type file and content", "has content", New().Entry("a/", content: "x")),
        Case("deep", "deeper", New().Pax(("path", Deep)).Entry("x", content: "x")),
        Case("long part", "bytes in its path", New().Pax(("path", Long)).Entry("x", content: "x")),
        Case("long path", "path of", New().Pax(("path", string.Join('/', Enumerable.Repeat(new string('p', 200), 25)))).Entry("x")),
        Case("NUL in a pax path", "NUL", New().Pax(("path", "a\0b")).Entry("x")),
        Case("NUL in a GNU name", "NUL", New().Long('L', "a\0b").Entry("x", magic: "ustar  \0")),
        Case("parent by pax", "'..'", New().Pax(("path", "a/../../x")).Entry("harmless", content: "x")),
        Case("absolute by pax", "absolute", New().Pax(("path", Far)).Entry("harmless", content: "x")),
        Case("parent by GNU name", "'..'", New().Long('L', "../x").Entry("harmless", magic: "ustar  \0")),
        Case("parent by prefix", "'..'", New().Entry("x", prefix: "..")),
        Case("absolute by prefix", "absolute", New().Entry("x", prefix: "/tmp")),
        Case("root as a link", "not a directory", new TarForge().Link("./", "a")),
        Case("root as a file", "has content", new TarForge().Entry("./", content: "x")),
        Case("root late", "comes first", new TarForge().Entry("a", content: "x").Folder("./")),
    ];

    private static IEnumerable<HostileArchive> Links() =>
    [
        Case("absolute link", "absolute", New().Link("l", "/tmp")),
        Case("link out", "leaves", New().Link("l", "../x")),
        Case("link out of a folder", "leaves", New().Folder("a").Link("a/l", "../../x")),
        Case("link out behind a name", "'..' after a name", New().Folder("a").Link("l", "a/../../x")),
        Case("link through a link", "'..' after a name", New().Folder("a").Folder("a/b").Link("a/b/l", "../..").Link("a/b/m", "l/../x")),
        Case("no target", "without a target", New().Link("l", "")),
        Case("long target", "target of", New().Pax(("linkpath", new string('t', 5000))).Link("l", "x")),
        Case("NUL in a target", "NUL", New().Pax(("linkpath", "a\0b")).Link("l", "x")),
        Case("target by pax", "absolute", New().Pax(("linkpath", "/tmp")).Link("l", "harmless")),
        Case("target by GNU link", "absolute", New().Long('K', "/tmp").Entry("l", '2', link: "harmless", magic: "ustar  \0")),
        Case("file through a link", "no directory", New().Folder("a").Link("l", "a").Entry("l/x", content: "x")),
        Case("folder through a link", "no directory", New().Folder("a").Link("l", "a").Folder("l/b")),
        Case("link through a link's name", "no directory", New().Folder("a").Link("l", "a").Link("l/m", "b")),
        Case("hard link through a link", "hard link", New().Folder("a").Entry("a/f", content: "x").Link("l", "a").HardLink("h", "l/f")),
        Case("hard link made behind a link", "no directory", New().Folder("a").Entry("f", content: "x").Link("l", "a").HardLink("l/h", "f")),
        Case("link with content", "has content", New().Entry("l", '2', "x", link: "a")),
        Case("file over a link", "twice", New().Link("l", "a").Entry("l", content: "x")),
    ];

    private static IEnumerable<HostileArchive> HardLinks() =>
    [
        Case("hard link out", "'..'", New().HardLink("h", "../x")),
        Case("hard link to an absolute path", "absolute", New().HardLink("h", "/etc/passwd")),
        Case("hard link to nothing", "nothing that came before", New().HardLink("h", "later").Entry("later", content: "x")),
        Case("hard link below nothing", "nothing that came before", New().HardLink("h", "a/b/c")),
        Case("hard link to a folder", "something else", New().Folder("a").HardLink("h", "a")),
        Case("hard link to a symbolic link", "something else", New().Link("l", "a").HardLink("h", "l")),
        Case("hard link to itself", "itself", New().Entry("h", content: "x").HardLink("h", "./h")),
        Case("hard link without a target", "without a target", New().HardLink("h", "")),
        Case("hard link with content", "has content", New().Entry("f", content: "x").Entry("h", '1', "secret", link: "f")),
        Case("hard link to the root", "without a target", New().HardLink("h", "./")),
        Case("hard link by pax", "absolute", New().Entry("f", content: "x").Pax(("linkpath", "/etc/passwd")).HardLink("h", "f")),
    ];

    private static IEnumerable<HostileArchive> Twice() =>
    [
        Case("file twice", "twice", New().Entry("f", content: "x").Entry("f", content: "y")),
        Case("file over a folder", "twice", New().Folder("a").Entry("a", content: "x")),
        Case("folder over a file", "no directory", New().Entry("a", content: "x").Folder("a")),
        Case("folder over a link", "no directory", New().Folder("b").Link("a", "b").Folder("a")),
        Case("link over a folder", "twice", New().Folder("a").Folder("b").Link("a", "b").Entry("a/x", content: "x")),
        Case("child of a file", "no directory", New().Entry("a", content: "x").Entry("a/b", content: "x")),
    ];

    private static IEnumerable<HostileArchive> Types() =>
    [
        Case("character device", "character device", New().Entry("d", '3')),
        Case("block device", "block device", New().Entry("d", '4')),
        Case("FIFO", "FIFO", New().Entry("d", '6')),
        Case("contiguous", "contiguous", New().Entry("d", '7', "x")),
        Case("global header", "global header", New().PaxRaw(TarForge.Record("path", "../x"), 'g').Entry("f")),
        Case("GNU sparse", "sparse", New().Entry("f", 'S', "x", magic: "ustar  \0")),
        Case("GNU dump", "type 'D'", New().Entry("f", 'D', magic: "ustar  \0")),
        Case("GNU multivolume", "type 'M'", New().Entry("f", 'M', magic: "ustar  \0")),
        Case("GNU volume", "type 'V'", New().Entry("f", 'V', magic: "ustar  \0")),
        Case("vendor", "unknown type", New().Entry("f", 'A')),
        Case("solaris extended header", "unknown type", New().Entry("f", 'X', "x")),
        Case("socket of some tars", "unknown type", New().Entry("f", 's')),
        Case("sparse by pax", "sparse", New().Pax(("GNU.sparse.major", "1")).Entry("f", content: "x")),
    ];

    private static IEnumerable<HostileArchive> Numbers() =>
    [
        Case("size with letters", "octal", New().Entry("f", size: "0000000000z\0")),
        Case("size with a sign", "octal", New().Entry("f", size: "-0000000001\0")),
        Case("negative binary size", "negative", New().Entry("f", size: "\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff")),
        Case("binary size of 2^63", "too large", New().Entry("f", size: "\u0080\0\0\0\u0080\0\0\0\0\0\0\0")),
        Case("binary size of 2^88", "too large", New().Entry("f", size: "\u0080\u0001\0\0\0\0\0\0\0\0\0\0")),
        Case("huge size", "announced or free", New().Entry("f", size: "77777777777\0")),
        Case("two numbers in one field", "after its end", New().Entry("f", size: "0000001 0001")),
        Case("owner of 2^32", "owner", New().Pax(("uid", "4294967296")).Entry("f")),
        Case("owner that means nobody", "owner", New().Pax(("gid", "4294967295")).Entry("f")),
        Case("negative owner", "not a number", New().Pax(("uid", "-1")).Entry("f")),
        Case("size by pax not a number", "not a number", New().Pax(("size", "1e3")).Entry("f")),
        Case("size by pax of 2^63", "not a number", New().Pax(("size", "9223372036854775808")).Entry("f")),
        Case("time after the last year", "calendar", New().Pax(("mtime", "1000000000000")).Entry("f")),
        Case("time that is none", "not a time", New().Pax(("mtime", "noon")).Entry("f")),
        Case("binary time too far back", "calendar", New().Entry("f", time: "\u00ff\u00ff\u00ff\u00ff\u0080\0\0\0\0\0\0\0")),
        Case("binary time beyond 64 bits", "too small", New().Entry("f", time: "\u00ff\u00ff\0\0\u0080\0\0\0\0\0\0\0")),
        Case("time with two points", "not a time", New().Pax(("mtime", "1.2.3")).Entry("f")),
        Case("mode with letters", "octal", New().Entry("f", mode: "rw-r--r-")),
        Case("folder with a size", "has content", New().Entry("a/", '5', "x")),
    ];

    private static IEnumerable<HostileArchive> Extended() =>
    [
        Case("long name of 2 GiB", "at most 65536", New().Entry("././@LongLink", 'L', size: "20000000000\0", magic: "ustar  \0")),
        Case("extended header of 2 GiB", "at most 65536", New().PaxRaw("", size: "20000000000\0")),
        Case("record longer than the header", "as long as it says", New().PaxRaw("99 path=x\n").Entry("f")),
        Case("record shorter than it is", "as long as it says", New().PaxRaw("5 path=x\n").Entry("f")),
        Case("record of length 0", "without a record's length", New().PaxRaw("0 path=x\n").Entry("f")),
        Case("record of negative length", "without a record's length", New().PaxRaw("-9 path=x\n").Entry("f")),
        Case("record without a length", "without a record's length", New().PaxRaw("path=x\n").Entry("f")),
        Case("record without a key", "without a key", New().PaxRaw("5 =x\n").Entry("f")),
        Case("record without an equals sign", "without a key", New().PaxRaw("8 pathx\n").Entry("f")),
        Case("record without a line feed", "as long as it says", New().PaxRaw("9 path=xy").Entry("f")),
        Case("key twice", "twice", New().Pax(("path", "a"), ("path", "../b")).Entry("f")),
        Case("extended header twice", "twice for one entry", New().Pax(("path", "a")).Pax(("path", "b")).Entry("f")),
        Case("long name twice", "twice for one entry", New().Long('L', "a").Long('L', "b").Entry("f", magic: "ustar  \0")),
        Case("extended header at the end", "without its entry", New().Pax(("path", "a"))),
    ];

    private static IEnumerable<HostileArchive> Shapes() =>
    [
        Case("wrong checksum, first", "checksum", new TarForge().Entry("f", content: "x", checksumOffBy: 1)),
        Case("wrong checksum, middle", "checksum", New().Entry("f", content: "x").Entry("g", content: "x", checksumOffBy: -1).Entry("h")),
        Case("no magic", "neither of the pax nor of the GNU form", New().Entry("f", magic: "\0\0\0\0\0\0\0\0")),
        Case("another magic", "neither of the pax nor of the GNU form", New().Entry("f", magic: "ustar\u000001")),
        new("nothing", "end marks", []),
        new("one end mark", "end marks", New().Entry("f", content: "x").End(marks: 1)),
        new("no end mark", "end marks", New().Entry("f", content: "x").End(marks: 0)),
        new("something after the end", "after its end", [.. New().Entry("f").End(), .. new byte[512], 1]),
        new("an entry after the end", "after its end", [.. New().Entry("f").End(), .. New().Entry("../g").End()]),
        new("an entry after one end mark", "after an end mark", [.. New().End(marks: 1), .. New().Entry("g").End()]),
        new("cut in the content", "cut", New().Entry("f", size: TarForge.Octal(5000, 11)).Raw("x").End(marks: 0)),
        new("cut in the padding", "cut", New().Entry("f", content: "x", pad: false).End(marks: 0)),
        new("cut in a header", "cut", New().Entry("f", content: "x").End(marks: 0)[..700]),
        new("cut in an extended header", "cut", New().Pax(("path", new string('x', 90))).End(marks: 0)[..1040]),
        new("a desynchronised size: pax says more than there is", "cut", New().Pax(("size", "4096")).Entry("f", content: "x").End(marks: 0)),
        new("text", "checksum", [.. Enumerable.Repeat((byte)'a', 2048)]),
    ];
}
