namespace Mcp.Hostile;

// Links that lead out, and entries that would be written through one.
public static partial class HostileArchives
{
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
        Case("target by GNU link", "absolute", New().LongName('K', "/tmp").Entry("l", '2', link: "harmless", magic: "ustar  \0")),
        Case("file through a link", "no directory", New().Folder("a").Link("l", "a").Entry("l/x", content: "x")),
        Case("folder through a link", "no directory", New().Folder("a").Link("l", "a").Folder("l/b")),
        Case("link through a link's name", "no directory", New().Folder("a").Link("l", "a").Link("l/m", "b")),
        Case("hard link through a link", "hard link", New().Folder("a").Entry("a/f", content: "x").Link("l", "a").HardLink("h", "l/f")),
        Case("hard link made behind a link", "no directory", New().Folder("a").Entry("f", content: "x").Link("l", "a").HardLink("l/h", "f")),
        Case("link with content", "has content", New().Entry("l", '2', "x", link: "a")),
        Case("file over a link", "twice", New().Link("l", "a").Entry("l", content: "x")),
        Case("link by pax wins over a GNU link", "absolute", New().LongName('K', "harmless").Pax(("linkpath", "/tmp")).Entry("l", '2', link: "also", magic: "ustar  \0")),
        Case("link to the root of the machine by proc", "absolute", New().Link("l", "/proc/self/root").Entry("l/tmp/mcp-nobody-has-this", content: "x")),
        Case("link out by prefix", "leaves", New().Entry("l", '2', link: "../..", prefix: "a")),
        Case("file through an absolute link", "absolute", New().Link("l", "/tmp").Entry("l/mcp-nobody-has-this", content: "x")),
        Case("file through a link out", "leaves", New().Link("l", "..").Entry("l/x", content: "x")),
        Case("file through two links", "'..' after a name", New().Folder("a").Link("a/up", "..").Link("out", "a/up/..").Entry("out/x", content: "x")),
        Case("chain of relative links in a folder", "'..' after a name", New().Folder("s").Link("s/a", ".").Link("s/b", "a/..").Link("s/c", "b/..").Entry("s/c/x", content: "x")),
        Case("chain of links that lengthens", "'..' after a name",
            New().Folder("d").Link("d/a", ".").Link("d/b", "a/a/a/a/a/a/a/a").Link("d/c", "b/../../..").Entry("d/c/x", content: "x")),
        Case("file through a link to the parent", "no directory", New().Folder("a").Link("a/l", "..").Entry("a/l/x", content: "x")),
        Case("link called as a database", "a link called .db", New().Link("a.db", "b")),
        Case("link over a link", "twice", New().Link("l", "a").Link("l", "b")),
        Case("link over an empty folder, file through it", "twice", New().Folder("a").Folder("b").Link("b", "a").Entry("b/x", content: "x")),
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
        Case("hard link by GNU link", "absolute", New().Entry("f", content: "x").LongName('K', "/etc/passwd").Entry("h", '1', link: "f", magic: "ustar  \0")),
        Case("hard link back and forth", "'..'", New().Folder("a").Entry("f", content: "x").HardLink("h", "a/../f")),
        Case("hard link to what is left out", "nothing that came before", New().Entry(".mcp-owner", content: "x").HardLink("h", ".mcp-owner")),
        Case("hard link out, then written to", "'..'", New().HardLink("h", "../neighbour").Entry("h", content: "overwritten")),
        Case("hard link to the outside of a folder", "'..'", New().Folder("a").HardLink("a/h", "../../neighbour")),
        Case("hard link through an absolute link", "absolute", New().Link("l", "/etc").HardLink("h", "l/passwd")),
        Case("hard link with a NUL", "NUL", New().Entry("f", content: "x").Pax(("linkpath", "f\0g")).HardLink("h", "f")),
    ];
}
