using System.Formats.Tar;
using System.Text;
using Mcp.EndToEnd.Harness;
using Mcp.Podman;

namespace Mcp.EndToEnd.Podman;

/// <summary>Images on a real podman, with and without a real registry.</summary>
[ClassDataSource<PodmanFixture>(Shared = SharedType.PerTestSession)]
internal sealed class ImageTests(PodmanFixture fixture)
{
    private PodmanClient Podman => fixture.Podman;

    [Test]
    public async Task An_image_is_imported_inspected_tagged_saved_loaded_and_removed()
    {
        var name = $"localhost/{fixture.Unique("img")}";
        var id = await ImportAsync($"{name}:1");
        var image = (await Podman.InspectImageAsync($"{name}:1", default))!;
        await Assert.That(image.Id).IsEqualTo(id);
        await Assert.That(image.Digest).StartsWith("sha256:");
        await Assert.That(image.RepoDigests).Contains($"{name}@{image.Digest}");
        await Assert.That(string.Join(' ', image.Command)).IsEqualTo("/bin/busybox sleep 600");
        await Assert.That(image.Volumes).IsEquivalentTo(["/data"]);
        await Assert.That(image.ExposedPorts).IsEquivalentTo(["8080/tcp"]);
        await Assert.That(image.User).IsEqualTo("0:0");
        await Assert.That(image.Labels["mcp.service"]).IsEqualTo("evil");
        await Assert.That((await Podman.InspectImageAsync($"{name}@{image.Digest}", default))!.Id).IsEqualTo(id);

        await Podman.TagImageAsync(id, name, "2", default);
        await Assert.That(await Podman.ImageExistsAsync($"{name}:2", default)).IsTrue();
        using var folder = new TemporaryFolder();
        (await TestPodman.RunAsync(["save", "-q", "-o", folder.PathOf("a.tar"), $"{name}:2"])).OrThrow();
        await Assert.That(await Podman.RemoveImageAsync($"{name}:1", default)).IsTrue();
        await Assert.That(await Podman.RemoveImageAsync($"{name}:2", default)).IsTrue();
        await Assert.That(await Podman.RemoveImageAsync($"{name}:2", default)).IsFalse();
        await Assert.That(await Podman.InspectImageAsync(id, default)).IsNull();
        await using (var archive = File.OpenRead(folder.PathOf("a.tar")))
            await Assert.That(string.Join(',', await Podman.LoadImageAsync(archive, default))).IsEqualTo($"{name}:2");
        await Assert.That((await Podman.InspectImageAsync($"{name}:2", default))!.Id).IsEqualTo(id);
        await Podman.RemoveImageAsync($"{name}:2", default);
    }

    [Test]
    public async Task A_broken_archive_is_a_refusal()
    {
        var failure = await ContainerTests.FailureOf(Podman.LoadImageAsync(new MemoryStream(Encoding.UTF8.GetBytes(new string('x', 100_000))), default));
        await Assert.That(failure.Kind).IsEqualTo(PodmanFailure.Refused);
    }

    [Test]
    public async Task A_container_of_an_image_with_VOLUME_and_mcp_labels_gets_neither()
    {
        var name = $"localhost/{fixture.Unique("vol")}:1";
        var id = await ImportAsync(name);
        var image = (await Podman.InspectImageAsync(id, default))!;
        var container = await fixture.RunAsync(new ContainerCreateSpec
        {
            Name = fixture.Unique("vol"),
            ImageId = id,
            Labels = image.ShadowLabels(new Dictionary<string, string>([PodmanFixture.Mark, new("mcp.service", "ours")])),
        });
        var detail = (await Podman.InspectContainerAsync(container, default))!;
        await Assert.That(detail.Mounts).IsEmpty();
        await Assert.That(detail.Labels["mcp.service"]).IsEqualTo("ours");
        await Assert.That(detail.Labels["mcp.node"]).IsEqualTo("");
        await Assert.That(detail.Labels["maintainer"]).IsEqualTo("somebody");
        await Assert.That((await ContainerTests.FailureOf(Podman.RemoveImageAsync(id, default))).Kind).IsEqualTo(PodmanFailure.Refused);
        await Podman.RemoveContainerAsync(container, default, force: true);
        await Podman.RemoveImageAsync(id, default);
    }

    [Test]
    public async Task A_pull_of_nothing_says_why()
    {
        var refused = await ContainerTests.FailureOf(Podman.PullImageAsync("127.0.0.1:1/x:1", null, null, default));
        await Assert.That(refused.Kind).IsEqualTo(PodmanFailure.Refused);
        await Assert.That(refused.Reason!).Contains("connection refused");
        await Assert.That((await ContainerTests.FailureOf(Podman.PullImageAsync("Not A Name", null, null, default))).Reason!).Contains("invalid reference");
    }

    [Test]
    [Arguments(false)]
    [Arguments(true)]
    public async Task An_image_is_pulled_from_a_registry_by_tag_and_by_digest(bool withLogin)
    {
        await using var registry = await LoopbackRegistry.StartAsync(withLogin);
        var name = $"{registry.Address}/team/app";
        var made = await ImportAsync($"{name}:1");
        var push = await TestPodman.RunAsync(["push", "-q", "--tls-verify=false", .. withLogin ? (string[])["--creds", "tester:s3cret"] : [], $"{name}:1"]);
        push.OrThrow();
        await Podman.RemoveImageAsync($"{name}:1", default);
        await Assert.That(await Podman.InspectImageAsync(made, default)).IsNull();

        // A service that knows the registry as one without TLS: that is podman's own setting, never ours.
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.PathOf("registries.conf"), $"[[registry]]\nlocation = \"{registry.Address}\"\ninsecure = true\n");
        await using var service = await PodmanFixture.StartServiceAsync(folder.PathOf("podman.sock"), new() { ["CONTAINERS_REGISTRIES_CONF"] = folder.PathOf("registries.conf") });
        using var podman = new PodmanClient(folder.PathOf("podman.sock"));
        await File.WriteAllTextAsync(folder.PathOf("auth.json"), $$"""
            {"auths": {"{{registry.Address}}/team": {"auth": "{{Convert.ToBase64String("tester:s3cret"u8)}}"} } }
            """);
        File.SetUnixFileMode(folder.PathOf("auth.json"), UnixFileMode.UserRead | UnixFileMode.UserWrite);

        if (withLogin)
        {
            var refused = await ContainerTests.FailureOf(podman.PullImageAsync($"{name}:1", null, null, default));
            await Assert.That(refused.Hint!).Contains("auth_file");
            refused = await ContainerTests.FailureOf(podman.PullImageAsync($"{name}:1", new RegistryLogin("tester", "wrong"), null, default));
            await Assert.That(refused.Kind).IsEqualTo(PodmanFailure.Refused);
            await Assert.That(refused.Message).DoesNotContain("wrong");
        }
        var login = withLogin ? RegistryAuthFile.Find(folder.PathOf("auth.json"), $"{name}:1") : null;
        await Assert.That((await ContainerTests.FailureOf(podman.PullImageAsync($"{name}:none", login, null, default))).Reason!).Contains("manifest unknown");
        List<string> progress = [];
        var id = await podman.PullImageAsync($"{name}:1", login, progress.Add, default);
        await Assert.That(id).IsEqualTo(made);
        await Assert.That(progress.Count).IsGreaterThan(1);
        var pinned = (await podman.InspectImageAsync($"{name}:1", default))!.RepoDigests.Single();
        await podman.RemoveImageAsync($"{name}:1", default);
        await Assert.That(await podman.PullImageAsync(pinned, login, null, default)).IsEqualTo(id);
        await Assert.That(await podman.ImageExistsAsync(pinned, default)).IsTrue();
    }

    private async Task<string> ImportAsync(string reference)
    {
        using var tar = new MemoryStream();
        await using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            await writer.WriteEntryAsync(new PaxTarEntry(TarEntryType.Directory, "bin/") { Mode = (UnixFileMode)0x1ed });
            await using var busybox = File.OpenRead("/bin/busybox");
            await writer.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, "bin/busybox") { Mode = (UnixFileMode)0x1ed, DataStream = busybox });
            // Content of its own, so that no other test's image has the same id.
            await writer.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, "name") { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(reference)) });
        }
        tar.Position = 0;
        return fixture.Keep(await Podman.ImportImageAsync(
            tar, reference, ["CMD [\"/bin/busybox\", \"sleep\", \"600\"]", "VOLUME /data", "EXPOSE 8080", "USER 0:0", "LABEL mcp.service=evil", "LABEL mcp.node=evil", "LABEL maintainer=somebody"], default));
    }
}
