using System.Text;
using Mcp.Agent.Ownership;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Tests.Agent.Ownership;

/// <summary>Folders and markers on a real file system, links and odd names included.</summary>
internal sealed class DataFoldersTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("mcpt-").FullName;
    private readonly NodeKey _key = new([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    private DataFolders Folders => new(_root, _key, TimeProvider.System);

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Test]
    public async Task A_marker_is_known_again_and_a_changed_one_is_foreign()
    {
        await Assert.That(Folders.Observe("notes").Content).IsEqualTo(FolderContent.Absent);
        Folders.Mark("notes", "v", 7);
        var seen = Folders.Observe("notes");
        await Assert.That(seen.Content).IsEqualTo(FolderContent.Marked);
        await Assert.That(seen.Marker).IsEqualTo(new OwnerMarker("notes", "v", 7));
        var file = Path.Combine(_root, "notes", ".mcp-owner");
        var text = await File.ReadAllTextAsync(file);
        await File.WriteAllTextAsync(file, text.Replace("epoch 7", "epoch 8", StringComparison.Ordinal));
        await Assert.That(Folders.Observe("notes").Content).IsEqualTo(FolderContent.Foreign);
        await Assert.That(new DataFolders(_root, new NodeKey(new byte[32]), TimeProvider.System).Observe("notes").Content).IsEqualTo(FolderContent.Foreign);
        await File.WriteAllTextAsync(file, text);
        await Assert.That(Folders.Observe("notes").Content).IsEqualTo(FolderContent.Marked);
    }

    [Test]
    public async Task A_folder_that_is_a_link_is_refused()
    {
        Directory.CreateDirectory(Path.Combine(_root, "elsewhere"));
        Directory.CreateSymbolicLink(Path.Combine(_root, "notes"), Path.Combine(_root, "elsewhere"));
        await Assert.That(() => Folders.Observe("notes")).Throws<McpException>();
        await Assert.That(() => Folders.Mark("notes", "v", 1)).Throws<McpException>();
        await Assert.That(Directory.EnumerateFileSystemEntries(Path.Combine(_root, "elsewhere"))).IsEmpty();
    }

    [Test]
    public async Task Missing_volume_folders_are_made_and_a_link_on_the_way_is_refused()
    {
        var spec = new ServiceSpec { Name = "notes", Components = { new ComponentSpec { Name = "web", Volumes = { "/srv/notes/a/b:/x" } } } };
        Folders.EnsureVolumes(spec, _ => null);
        await Assert.That(File.GetUnixFileMode(Path.Combine(_root, "notes", "a", "b"))).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.Delete(Path.Combine(_root, "notes", "a"), recursive: true);
        Directory.CreateSymbolicLink(Path.Combine(_root, "notes", "a"), "/tmp");
        await Assert.That(() => Folders.EnsureVolumes(spec, _ => null)).Throws<McpException>();
        await Assert.That(Directory.Exists("/tmp/b")).IsFalse();
    }

    [Test]
    public async Task A_folder_that_the_agent_made_is_given_to_the_user_who_mounts_it_and_one_that_a_person_made_is_not()
    {
        if (!Environment.IsPrivilegedProcess)
            return;
        var spec = new ServiceSpec { Name = "notes", Components = { new ComponentSpec { Name = "web", Volumes = { "/srv/notes:/x" } } } };
        Folders.Mark("notes", "v", 1);
        Folders.EnsureVolumes(spec, _ => (4711, 4712));
        using (var root = FolderHandle.Open(_root))
        using (var folder = root.TryOpenFolder("notes")!)
            await Assert.That((folder.Facts.User, folder.Facts.Group)).IsEqualTo((4711u, 4712u));
        spec.Name = "wiki";
        spec.Components[0].Volumes[0] = "/srv/wiki:/x";
        Directory.CreateDirectory(Path.Combine(_root, "wiki"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead);
        Folders.EnsureVolumes(spec, _ => (4711, 4712));
        using (var root = FolderHandle.Open(_root))
        using (var folder = root.TryOpenFolder("wiki")!)
            await Assert.That(folder.Facts.User).IsEqualTo(0u);
    }

    [Test]
    public async Task What_is_unused_goes_and_what_was_written_stays()
    {
        Folders.Mark("notes", "v", 1);
        Directory.CreateDirectory(Path.Combine(_root, "notes", "a", "b"));
        await File.WriteAllTextAsync(Path.Combine(_root, "notes", "a", "file"), "x");
        await Assert.That(Folders.TryRemoveUnused("notes")).IsFalse();
        await Assert.That(Folders.Observe("notes").Content).IsEqualTo(FolderContent.Marked);
        File.Delete(Path.Combine(_root, "notes", "a", "file"));
        await Assert.That(Folders.TryRemoveUnused("notes")).IsTrue();
        await Assert.That(Directory.Exists(Path.Combine(_root, "notes"))).IsFalse();
    }

    [Test]
    public async Task Aside_is_listed_by_service_and_erased_without_following_links()
    {
        var outside = Path.Combine(_root, "outside");
        Directory.CreateDirectory(outside);
        await File.WriteAllTextAsync(Path.Combine(outside, "precious"), "x");
        Folders.Mark("a", "v", 1);
        Folders.Mark("a-b", "v", 1);
        Directory.CreateSymbolicLink(Path.Combine(_root, "a", "link"), outside);
        Directory.CreateDirectory(Path.Combine(_root, "a", "deep", "er"));
        await File.WriteAllBytesAsync(Path.Combine(_root, "a", "deep", "er", "file"), Encoding.UTF8.GetBytes("12345"));
        var aside = Folders.MoveAside("a")!;
        Folders.MoveAside("a-b");
        await Assert.That(Folders.AsideOf("a")).IsEquivalentTo([aside]);
        var bytes = Folders.Erase(DataFolders.Aside, Path.GetFileName(aside));
        await Assert.That(bytes).IsGreaterThanOrEqualTo(5UL);
        await Assert.That(Directory.Exists(aside)).IsFalse();
        await Assert.That(File.Exists(Path.Combine(outside, "precious"))).IsTrue();
        await Assert.That(Folders.AsideOf("a-b").Count).IsEqualTo(1);
    }
}
