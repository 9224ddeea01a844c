using System.Diagnostics;
using System.Text;
using Mcp.Archive;
using Mcp.Hostile;
using Mcp.Native;

namespace Mcp.Tests.Archive;

/// <summary>Trees with every kind of file, through our own writer and reader and through GNU tar both ways.</summary>
public class RoundTripTests
{
    private static readonly byte[] NotUtf8 = [0xff, 0xfe, (byte)'x'];

    [Test]
    public async Task Every_kind_of_file_comes_back_equal()
    {
        using var bench = new ArchiveBench();
        MakeTree(bench.PathOf("tree"));
        var (tar, report) = ArchiveBench.Export(bench.PathOf("tree"));
        await Assert.That(report.Skipped.Select(Shown)).IsEmpty();
        bench.Import(new MemoryStream(tar));
        await Assert.That(Describe(bench.Target)).IsEquivalentTo(Describe(bench.PathOf("tree")));
        await Assert.That(Allocated(Path.Combine(bench.Target, "holes"))).IsLessThan(1 << 20);
    }

    [Test]
    public async Task GNU_tar_reads_what_we_write()
    {
        using var bench = new ArchiveBench();
        MakeTree(bench.PathOf("tree"));
        File.WriteAllBytes(bench.PathOf("x.tar"), ArchiveBench.Export(bench.PathOf("tree")).Tar);
        Tar("--xattrs", "--xattrs-include=user.*", "-xpf", bench.PathOf("x.tar"), "-C", bench.Target);
        await Assert.That(Describe(bench.Target)).IsEquivalentTo(Describe(bench.PathOf("tree")));
    }

    [Test]
    [Arguments("gnu")]
    [Arguments("pax")]
    [Arguments("ustar")]
    public async Task We_read_what_GNU_tar_writes(string format)
    {
        using var bench = new ArchiveBench();
        MakeTree(bench.PathOf("tree"), extremes: format != "ustar");
        string[] attributes = format == "pax" ? ["--xattrs", "--xattrs-include=user.*"] : [];
        Tar([.. attributes, $"--format={format}", "-C", bench.PathOf("tree"), "-cf", bench.PathOf("x.tar"), "."]);
        using (var tar = File.OpenRead(bench.PathOf("x.tar")))
            bench.Import(tar);
        // Only pax keeps fractions of a second and attributes.
        var whole = format == "pax";
        await Assert.That(Describe(bench.Target, whole)).IsEquivalentTo(Describe(bench.PathOf("tree"), whole));
    }

    [Test]
    public async Task What_import_would_refuse_is_left_out_and_named()
    {
        using var bench = new ArchiveBench();
        var tree = bench.PathOf("tree");
        Directory.CreateDirectory(tree);
        File.WriteAllText(Path.Combine(tree, "kept"), "x");
        File.WriteAllText(Path.Combine(tree, ".mcp-owner"), "{}");
        File.CreateSymbolicLink(Path.Combine(tree, "out"), "../neighbour");
        File.CreateSymbolicLink(Path.Combine(tree, "absolute"), "/etc/passwd");
        File.WriteAllText(Path.Combine(tree, "setid"), "x");
        File.SetUnixFileMode(Path.Combine(tree, "setid"), (UnixFileMode)0x9ed);
        Run("mkfifo", Path.Combine(tree, "fifo"));
        var (tar, report) = ArchiveBench.Export(tree);
        await Assert.That(report.Skipped.Select(Shown)).IsEquivalentTo([
            "absolute is a link to an absolute path", "fifo is a FIFO", "out is a link that leaves the service's directory", "setid travels without its set-id bits"]);
        bench.Import(new MemoryStream(tar));
        await Assert.That(Directory.GetFileSystemEntries(bench.Target).Select(p => Path.GetFileName(p)!)).IsEquivalentTo(["kept", "setid"]);
    }

    [Test]
    public async Task An_excluded_folder_is_left_out_with_all_that_is_in_it()
    {
        using var bench = new ArchiveBench();
        Directory.CreateDirectory(bench.PathOf("tree/layers/deep"));
        File.WriteAllText(bench.PathOf("tree/layers/deep/x"), "x");
        File.WriteAllText(bench.PathOf("tree/a.db"), "x");
        bench.Import(new MemoryStream(ArchiveBench.Export(bench.PathOf("tree"), ["layers/"]).Tar));
        await Assert.That(Directory.GetFileSystemEntries(bench.Target).Select(p => Path.GetFileName(p)!)).IsEquivalentTo(["a.db"]);
    }

    [Test]
    public async Task A_file_that_changes_while_it_is_read_never_tears_the_archive()
    {
        using var bench = new ArchiveBench();
        var tree = bench.PathOf("tree");
        Directory.CreateDirectory(tree);
        foreach (var name in new[] { "grows", "shrinks", "vanishes" })
            File.WriteAllBytes(Path.Combine(tree, name), Enumerable.Repeat((byte)'x', 100_000).ToArray());
        // At the moment between a file's header and its content: the worst one.
        FileChoice Meddle(ReadOnlySpan<byte> name, Microsoft.Win32.SafeHandles.SafeFileHandle file, in FileStatus status)
        {
            var path = Path.Combine(tree, Encoding.UTF8.GetString(name));
            if (name.SequenceEqual("grows"u8))
                File.AppendAllText(path, new string('y', 5000));
            else if (name.SequenceEqual("shrinks"u8))
                File.WriteAllText(path, "short");
            if (name.SequenceEqual("grows"u8))
                File.Delete(Path.Combine(tree, "vanishes"));
            return FileChoice.AsItIs;
        }
        var (tar, report) = ArchiveBench.Export(tree, choose: Meddle);
        bench.Import(new MemoryStream(tar));
        await Assert.That(new FileInfo(Path.Combine(bench.Target, "grows")).Length).IsEqualTo(100_000);
        await Assert.That(new FileInfo(Path.Combine(bench.Target, "shrinks")).Length).IsEqualTo(100_000);
        await Assert.That(report.Changed.Select(Shown)).IsEquivalentTo([
            "grows was written to while it was read", "shrinks shrank while it was read; the rest is zeros", "shrinks was written to while it was read", "vanishes vanished while the tree was read"]);
    }

    [Test]
    public async Task A_copy_stands_in_for_a_file_and_what_it_covers_is_left_out()
    {
        using var bench = new ArchiveBench();
        var tree = bench.PathOf("tree");
        Directory.CreateDirectory(tree);
        File.WriteAllText(Path.Combine(tree, "x.db"), "torn");
        File.WriteAllText(Path.Combine(tree, "x.db-wal"), "journal");
        File.WriteAllText(bench.PathOf("copy"), "a consistent copy");
        FileChoice Choose(ReadOnlySpan<byte> name, Microsoft.Win32.SafeHandles.SafeFileHandle file, in FileStatus status) =>
            name.SequenceEqual("x.db"u8) ? new FileChoice.Instead(File.OpenHandle(bench.PathOf("copy"))) : FileChoice.Covered;
        bench.Import(new MemoryStream(ArchiveBench.Export(tree, choose: Choose).Tar));
        await Assert.That(Directory.GetFileSystemEntries(bench.Target).Select(p => Path.GetFileName(p)!)).IsEquivalentTo(["x.db"]);
        await Assert.That(File.ReadAllText(Path.Combine(bench.Target, "x.db"))).IsEqualTo("a consistent copy");
    }

    [Test]
    public async Task An_archive_that_enters_a_folder_again_leaves_its_mode_and_time()
    {
        using var bench = new ArchiveBench();
        var tar = new TarForge().Entry("a/", '5', mode: "0000500\0", time: "00000000144\0").Entry("b", content: "x").Entry("a/f", content: "x").Entry("c/d/e", content: "x").End();
        bench.Import(new MemoryStream(tar));
        var a = new DirectoryInfo(Path.Combine(bench.Target, "a"));
        await Assert.That((int)a.UnixFileMode).IsEqualTo(0x140);
        await Assert.That(new DateTimeOffset(a.LastWriteTimeUtc).ToUnixTimeSeconds()).IsEqualTo(100);
        await Assert.That((int)new DirectoryInfo(Path.Combine(bench.Target, "c/d")).UnixFileMode).IsEqualTo(0x1ed);
    }

    private static string Shown(ExportNote note) => $"{Encoding.Latin1.GetString(note.Name)} {note.Rule}";

    internal static void MakeTree(string tree, bool extremes = true)
    {
        Directory.CreateDirectory(Path.Combine(tree, "empty"));
        Directory.CreateDirectory(Path.Combine(tree, "deep/er/still"));
        File.WriteAllText(Path.Combine(tree, "plain"), "content\n");
        File.WriteAllBytes(Path.Combine(tree, "nothing"), []);
        File.WriteAllBytes(Path.Combine(tree, "deep/er/binary"), [.. Enumerable.Range(0, 300_000).Select(n => (byte)(n * 7))]);
        File.WriteAllText(Path.Combine(tree, "deep/ leading and \"odd\"\n\u001b[31m"), "x");
        File.CreateSymbolicLink(Path.Combine(tree, "deep/er/link"), "../../plain");
        File.CreateSymbolicLink(Path.Combine(tree, "dangling"), "nowhere");
        Run("ln", Path.Combine(tree, "plain"), Path.Combine(tree, "deep/hard"));
        using (var holes = File.OpenHandle(Path.Combine(tree, "holes"), FileMode.CreateNew, FileAccess.Write))
        {
            RandomAccess.Write(holes, "start"u8, 0);
            RandomAccess.Write(holes, "middle"u8, 3_000_001);
            RandomAccess.SetLength(holes, 8_000_000);
        }
        using (var folder = Folder.Open(tree))
        using (var odd = folder.CreateFile(NotUtf8, 0x1a4))
            RandomAccess.Write(odd, "bytes"u8, 0);
        if (extremes)
        {
            var far = Path.Combine(tree, string.Join('/', Enumerable.Repeat(new string('l', 100), 5)));
            Directory.CreateDirectory(far);
            File.WriteAllText(Path.Combine(far, new string('é', 60)), "long");
            File.CreateSymbolicLink(Path.Combine(tree, "long-target"), string.Join('/', Enumerable.Repeat(new string('t', 100), 3)));
        }
        using (var attributed = File.OpenHandle(Path.Combine(tree, "plain"), access: FileAccess.ReadWrite))
            NativeFile.SetAttribute(attributed, "user.note"u8, [0, 1, 2, 255]);
        if (ArchiveBench.IsRoot)
        {
            Run("chown", "1234:4321", Path.Combine(tree, "plain"));
            if (extremes)
                Run("chown", "3000000:3000001", Path.Combine(tree, "nothing"));
            Run("chown", "-h", "77:88", Path.Combine(tree, "dangling"));
        }
        File.SetUnixFileMode(Path.Combine(tree, "plain"), (UnixFileMode)0x1a0);
        File.SetUnixFileMode(Path.Combine(tree, "empty"), (UnixFileMode)0x1ff);
        Touch(Path.Combine(tree, "plain"), "1999-12-31 23:59:59.123456789 UTC");
        if (extremes)
            Touch(Path.Combine(tree, "nothing"), "1969-07-20 20:17:40.5 UTC");
        Touch(Path.Combine(tree, "empty"), "2026-02-03 04:05:06.000000007 UTC");
        Touch(tree, "2001-02-03 04:05:06.7 UTC");
    }

    private static void Touch(string path, string time) => Run("touch", "-h", "-d", time, path);

    internal static List<string> Describe(string root, bool whole = true)
    {
        using var folder = Folder.Open(root);
        var lines = new List<string> { Line(".", NativeFile.StatusOf(folder.Handle), "", whole) };
        Describe(folder, "", lines, whole);
        return lines;
    }

    private static void Describe(Folder folder, string path, List<string> lines, bool whole)
    {
        foreach (var name in folder.Names())
        {
            var full = path + "/" + Encoding.Latin1.GetString(name);
            var status = folder.StatusOf(name);
            if (status.IsLink)
            {
                lines.Add(Line(full, status, Encoding.Latin1.GetString(folder.TargetOf(name)), whole));
            }
            else if (status.IsFolder)
            {
                using var inner = folder.OpenFolder(name);
                lines.Add(Line(full, status, "", whole));
                Describe(inner, full, lines, whole);
            }
            else
            {
                using var file = folder.OpenFile(name);
                var content = new byte[status.Size];
                RandomAccess.Read(file, content, 0);
                var attributes = whole ? string.Join(' ', NativeFile.AttributeNames(file).Select(n => $"{Encoding.Latin1.GetString(n)}={Convert.ToHexString(NativeFile.Attribute(file, n))}")) : "";
                lines.Add(Line(full, status, $"{Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(content))} {status.Links} {attributes}", whole));
            }
        }
    }

    private static string Line(string path, FileStatus status, string rest, bool whole) =>
        $"{path} {status.Kind} {Convert.ToString(status.Mode & 0xfff, 8)} {(ArchiveBench.IsRoot ? $"{status.User}:{status.Group}" : "")} {(status.IsFile ? status.Size : 0)} "
        + $"{status.ModifiedSeconds}.{(whole ? status.ModifiedNanoseconds : 0)} {rest}";

    private static long Allocated(string path)
    {
        using var file = File.OpenHandle(path);
        return NativeFile.StatusOf(file).AllocatedBytes;
    }

    private static void Tar(params string[] arguments) => Run("tar", ["--numeric-owner", .. arguments]);

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {said}");
    }
}
