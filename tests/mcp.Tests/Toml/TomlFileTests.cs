using System.Text;
using Mcp.Toml;

namespace Mcp.Tests.Toml;

internal sealed class TomlFileTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mcp-toml-").FullName;

    [After(Test)]
    public void Clean() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_file_is_read_and_problems_carry_its_name()
    {
        var path = Write("a.toml", "a = 1\nb = \n"u8);
        var document = TomlText.ReadFile(path);
        await Assert.That(document.Problems.Single().ToString()).StartsWith($"{path}:2:");
        await Assert.That(document.Root.Integer("a", 0, 0, 9)).IsEqualTo(1);
    }

    [Test]
    public async Task A_missing_file_a_folder_a_device_and_a_pipe_are_problems()
    {
        await Assert.That(ProblemOf(Path.Combine(_folder, "none"))).IsEqualTo("does not exist");
        await Assert.That(ProblemOf(_folder)).Contains("folder");
        await Assert.That(ProblemOf("/dev/zero")).Contains("more than 1024 KiB");
        var pipe = Path.Combine(_folder, "pipe");
        using var make = System.Diagnostics.Process.Start("mkfifo", pipe);
        make.WaitForExit();
        await Assert.That(ProblemOf(pipe)).Contains("not a regular file");
    }

    [Test]
    public async Task A_link_is_followed_only_where_links_are_allowed()
    {
        var path = Write("a.toml", "a = 1\n"u8);
        var link = Path.Combine(_folder, "link.toml");
        File.CreateSymbolicLink(link, path);
        await Assert.That(TomlText.ReadFile(link).Problems).IsEmpty();
        await Assert.That(ProblemOf(link, followLinks: false)).Contains("symbolic link");
    }

    [Test]
    public async Task Size_is_limited_and_text_is_utf8()
    {
        await Assert.That(TomlText.ReadFile(Write("full.toml", Encoding.UTF8.GetBytes("#" + new string('x', TomlText.MaxBytes - 1)))).Problems).IsEmpty();
        await Assert.That(ProblemOf(Write("over.toml", Encoding.UTF8.GetBytes("#" + new string('x', TomlText.MaxBytes))))).Contains("more than");
        await Assert.That(ProblemOf(Write("latin.toml", [(byte)'#', (byte)'\n', (byte)'#', 0xe9, (byte)'\n']))).Contains("UTF-8 text (line 2)");
        await Assert.That(TomlText.ReadFile(Write("empty.toml", [])).Problems).IsEmpty();
        await Assert.That(TomlText.ReadFile(Write("bom.toml", [0xef, 0xbb, 0xbf, .. "a = 1\n"u8])).Problems).IsEmpty();
    }

    private string Write(string name, ReadOnlySpan<byte> content)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content.ToArray());
        return path;
    }

    private static string ProblemOf(string path, bool followLinks = true)
    {
        var document = TomlText.ReadFile(path, followLinks);
        return document.Problems.Single().Message;
    }
}
