namespace Mcp.Hostile;

// What is odd and harmless: taken, byte by byte, without what could do harm; and what was left out is said.
public static partial class HostileArchives
{
    private static IEnumerable<HostileArchive> Odd() =>
    [
        Harmless("newline in a name", New().Entry("a\nb", content: "x")),
        Harmless("control characters and escape sequences in a name", New().Entry("\u0001\u001b[31m\u001b]52;c;eA==\u0007\r", content: "x")),
        Harmless("name that is no UTF-8", New().Entry("\u00ff\u00fe\u0080", content: "x")),
        Harmless("names that turn the direction of text", New().Entry("\u00e2\u0080\u00aegpj.exe", content: "x")),
        Harmless("names that look alike", New().Entry("\u00c3\u00a9", content: "x").Entry("e\u00cc\u0081", content: "y")),
        Harmless("leading dashes", New().Entry("-rf", content: "x").Entry("--checkpoint-action=exec=sh", content: "x")),
        Harmless("final dots and blanks", New().Entry("a.", content: "x").Entry("a ", content: "x").Entry("...", content: "x").Entry(" ", content: "x")),
        Harmless("backslashes and drive letters", New().Entry("..\\x", content: "x").Entry("C:\\x", content: "x")),
        Harmless("part of 255 bytes", New().Pax(("path", new string('n', 255))).Entry("x", content: "x")),
        Harmless("two hundred folders deep", New().Pax(("path", string.Join('/', Enumerable.Repeat("d", 200)))).Entry("x", content: "x")),
        Harmless("set-id and sticky bits of a file", New().Entry("f", content: "x", mode: "0007755\0"), "set-id"),
        Harmless("set-id bits of the root", new TarForge().Entry("./", '5', mode: "0006777\0").Entry("f", content: "x"), "set-id"),
        Harmless("sticky folder", New().Entry("d/", '5', mode: "0001777\0"), "sticky"),
        Harmless("file capabilities", New().Pax(("SCHILY.xattr.security.capability", "\u0001\0\0\u0002\u00ff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")).Entry("f", content: "x"), "security.capability"),
        Harmless("trusted attribute", New().Pax(("SCHILY.xattr.trusted.overlay.opaque", "y")).Folder("d"), "trusted.overlay.opaque"),
        Harmless("access control list", New().Pax(("SCHILY.acl.access", "user::rw-,user:0:rwx,group::r--,mask::rwx,other::r--")).Entry("f", content: "x"), "access control list"),
        Harmless("attribute without a name", New().Pax(("SCHILY.xattr.user.", "x")).Entry("f", content: "x"), "the attribute user."),
        Harmless("marker of another node", New().Entry(".mcp-owner", content: "forged"), "made anew"),
        Harmless("marker as a folder", New().Folder(".mcp-owner").Entry(".mcp-owner/x", content: "forged"), "made anew"),
        Harmless("link in a circle", New().Link("l", "l").Link("m", "n").Link("n", "m")),
        Harmless("link to the root from within", New().Folder("a").Link("a/l", "..")),
        Harmless("GNU name that pax overrules", New().LongName('L', "../x").Pax(("path", "harmless")).Entry("y", content: "x")),
        Harmless("name in the block that pax overrules", New().Pax(("path", "harmless")).Entry("../x", content: "x")),
        Harmless("folder twice", New().Folder("a").Entry("a/f", content: "x").Folder("a").Entry("a/g", content: "x")),
        Harmless("folder that nobody may enter, with a file", New().Entry("a/", '5', mode: "0000000\0").Entry("a/f", content: "x", mode: "0000000\0")),
        Harmless("folders that were not announced", new TarForge().Entry("a/b/c/f", content: "x")),
        Harmless("thousands of records", New().PaxRaw(string.Concat(Enumerable.Range(0, 5000).Select(k => TarForge.Record($"k{k:x}", "")))).Entry("f", content: "x")),
        Harmless("record with a NUL and an unknown key", New().Pax(("comment", "a\0b"), ("\u00ff\0", "x")).Entry("f", content: "x")),
        Harmless("time before the moon landing", New().Pax(("mtime", "-99999999.999999999")).Entry("f", content: "x")),
        Harmless("numbers in binary", New().Entry("f", content: "x", user: "\u0080\0\0\0\0\0\u0003\u00e8", size: "\u0080\0\0\0\0\0\0\0\0\0\0\u0001")),
        Harmless("size by pax that overrules", New().Pax(("size", "1")).Entry("f", content: "x", size: "00000000000\0")),
        Harmless("old directory", New().Entry("d/", '\0').Entry("d/f", '\0', "x")),
        new("frames of 64 bytes", "", [.. Small.Chunk(64).SelectMany(piece => ZstdForge.Frame(piece))], Taken: true),
        new("empty frames between", "", [.. Enumerable.Range(0, 200).SelectMany(_ => ZstdForge.Frame([])), .. ZstdForge.Frame(Small), .. ZstdForge.Frame([])], Taken: true),
        new("zeros behind the end", "", ZstdForge.Frame([.. Small, .. new byte[1 << 20]]), Taken: true),
    ];

    private static HostileArchive Harmless(string name, TarForge tar, string leftOut = "") => HostileArchive.Harmless(name, tar.End(), leftOut);
}
