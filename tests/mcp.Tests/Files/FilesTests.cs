using Mcp.Errors;
using Mcp.Files;

namespace Mcp.Tests.Files;

internal sealed class FilesTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mcp-files-").FullName;

    [After(Test)]
    public void Clean() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_file_is_replaced_whole_with_its_mode_and_nothing_is_left_beside_it()
    {
        var path = Path.Combine(_folder, "key");
        DurableFile.Write(path, "one"u8, DurableFile.Public);
        DurableFile.Write(path, "two"u8, DurableFile.Secret);
        await Assert.That(await File.ReadAllTextAsync(path)).IsEqualTo("two");
        await Assert.That(File.GetUnixFileMode(path)).IsEqualTo(DurableFile.Secret);
        await Assert.That(Directory.GetFileSystemEntries(_folder)).HasSingleItem();
    }

    [Test]
    public async Task A_link_in_the_place_of_the_file_is_replaced_and_never_written_through()
    {
        var (target, path) = (Path.Combine(_folder, "target"), Path.Combine(_folder, "key"));
        await File.WriteAllTextAsync(target, "untouched");
        File.CreateSymbolicLink(path, target);
        DurableFile.Write(path, "new"u8, DurableFile.Secret);
        await Assert.That(await File.ReadAllTextAsync(target)).IsEqualTo("untouched");
        await Assert.That(new FileInfo(path).LinkTarget).IsNull();
    }

    [Test]
    public async Task A_failed_write_says_where_and_leaves_the_old_file()
    {
        var thrown = Assert.Throws<McpException>(() => DurableFile.Write(Path.Combine(_folder, "none", "key"), "x"u8, DurableFile.Secret));
        await Assert.That(thrown!.Message).Contains("none/key");
        // A folder cannot be replaced by a file: the rename fails after everything was written.
        Directory.CreateDirectory(Path.Combine(_folder, "busy"));
        Assert.Throws<McpException>(() => DurableFile.Write(Path.Combine(_folder, "busy"), "x"u8, DurableFile.Secret));
        await Assert.That(Directory.GetFileSystemEntries(_folder)).HasSingleItem();
    }

    [Test]
    public async Task A_secret_is_read_only_from_a_file_that_is_closed_to_others()
    {
        var path = Path.Combine(_folder, "key");
        await Assert.That(Assert.Throws<McpException>(() => SecretFile.Read(path))!.Code).IsEqualTo(FaultCode.NotFound);
        DurableFile.Write(path, "secret"u8, DurableFile.Secret);
        await Assert.That(SecretFile.Read(path)).IsEquivalentTo("secret"u8.ToArray());
        File.SetUnixFileMode(path, DurableFile.Public);
        await Assert.That(Assert.Throws<McpException>(() => SecretFile.Read(path))!.Hint).IsEqualTo($"chmod 0600 {path}");
        File.SetUnixFileMode(path, DurableFile.Secret);
        var link = Path.Combine(_folder, "link");
        File.CreateSymbolicLink(link, path);
        await Assert.That(Assert.Throws<McpException>(() => SecretFile.Read(link))!.Message).Contains("symbolic link");
    }

    [Test]
    public async Task A_folder_of_secrets_is_made_closed_and_an_open_one_is_refused()
    {
        var folder = Path.Combine(_folder, "certs");
        SecretFile.EnsureFolder(folder);
        await Assert.That(File.GetUnixFileMode(folder)).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        SecretFile.EnsureFolder(folder);
        File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.GroupRead);
        await Assert.That(Assert.Throws<McpException>(() => SecretFile.EnsureFolder(folder))!.Hint).IsEqualTo($"chmod 0700 {folder}");
    }

    [Test]
    public async Task What_a_killed_writer_left_goes_with_the_next_write_and_a_living_ones_stays()
    {
        using var folder = new TemporaryFolder();
        // No process has this id: it is above the kernel's highest (4194304, proc(5)).
        var left = folder[".x.key.4999999-0123.tmp"];
        var living = folder[$".x.key.{ParentOfAll}-0123.tmp"];
        var another = folder[".y.key.4999999-0123.tmp"];
        foreach (var file in new[] { left, living, another })
            File.WriteAllText(file, "secret");
        DurableFile.Write(folder["x.key"], "new"u8, DurableFile.Secret);
        await Assert.That(File.Exists(left)).IsFalse();
        await Assert.That(File.Exists(living)).IsTrue();
        await Assert.That(File.Exists(another)).IsTrue();
        await Assert.That(File.ReadAllText(folder["x.key"])).IsEqualTo("new");
    }

    private const int ParentOfAll = 1;
}
