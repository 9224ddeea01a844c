namespace Mcp.Hostile;

// Names that lead out, and entries that stand in each other's way.
public static partial class HostileArchives
{
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
        Case("NUL in a GNU name", "NUL", New().LongName('L', "a\0b").Entry("x", magic: "ustar  \0")),
        Case("parent by pax", "'..'", New().Pax(("path", "a/../../x")).Entry("harmless", content: "x")),
        Case("absolute by pax", "absolute", New().Pax(("path", Far)).Entry("harmless", content: "x")),
        Case("parent by GNU name", "'..'", New().LongName('L', "../x").Entry("harmless", magic: "ustar  \0")),
        Case("parent by prefix", "'..'", New().Entry("x", prefix: "..")),
        Case("absolute by prefix", "absolute", New().Entry("x", prefix: "/tmp")),
        Case("root as a link", "not a directory", new TarForge().Link("./", "a")),
        Case("root as a file", "has content", new TarForge().Entry("./", content: "x")),
        Case("root late", "comes first", new TarForge().Entry("a", content: "x").Folder("./")),
        Case("parent alone", "'..'", New().Folder("..")),
        Case("parent of a folder by pax", "'..'", New().Pax(("path", "a/../../b/")).Folder("harmless")),
        Case("pax wins over a GNU name", "'..'", New().LongName('L', "harmless").Pax(("path", "../x")).Entry("also", content: "x")),
        Case("no name by pax", "without a name", New().Pax(("path", "")).Entry("x", content: "x")),
        Case("only dots", "'.'", New().Folder("././.")),
        Case("a root of slashes", "absolute", New().Folder(".//")),
        Case("three thousand folders deep", "path of", New().Pax(("path", string.Join('/', Enumerable.Repeat("d", 3000)))).Entry("x", content: "x")),
        Case("long name by GNU", "path of", New().LongName('L', string.Join('/', Enumerable.Repeat(new string('p', 200), 25))).Entry("x", magic: "ustar  \0")),
        Case("NUL at the end of a pax path", "NUL", New().Pax(("path", "a\0")).Entry("x")),
    ];

    private static IEnumerable<HostileArchive> Twice() =>
    [
        Case("file twice", "twice", New().Entry("f", content: "x").Entry("f", content: "y")),
        Case("file over a folder", "twice", New().Folder("a").Entry("a", content: "x")),
        Case("folder over a file", "no directory", New().Entry("a", content: "x").Folder("a")),
        Case("folder over a link", "no directory", New().Folder("b").Link("a", "b").Folder("a")),
        Case("link over a folder", "twice", New().Folder("a").Folder("b").Link("a", "b").Entry("a/x", content: "x")),
        Case("child of a file", "no directory", New().Entry("a", content: "x").Entry("a/b", content: "x")),
        Case("hard link over a file", "twice", New().Entry("f", content: "x").Entry("g", content: "y").HardLink("g", "f")),
        Case("twice by another spelling", "twice", New().Entry("f", content: "x").Entry("./f", content: "y")),
        Case("twice by pax", "twice", New().Entry("f", content: "x").Pax(("path", "f")).Entry("other", content: "y")),
        Case("device over a file", "character device", New().Entry("f", content: "x").Entry("f", '3')),
        Case("file over an implied folder", "twice", New().Entry("a/b", content: "x").Entry("a", content: "y")),
    ];
}
