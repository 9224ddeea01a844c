using Mcp.Agent.Deploying;
using Mcp.Errors;
using Mcp.Podman;
using Mcp.V1;

namespace Mcp.Tests.Agent.Deploying;

/// <summary>What an image is pinned to, and which of its VOLUMEs nobody covers.</summary>
internal sealed class ImagePreparationTests
{
    [Test]
    [Arguments("registry.example.net/notes:v1", "registry.example.net/notes")]
    [Arguments("registry.example.net:5000/notes", "registry.example.net:5000/notes")]
    [Arguments("registry.example.net:5000/notes:v1", "registry.example.net:5000/notes")]
    [Arguments("registry.example.net/notes@sha256:abc", "registry.example.net/notes")]
    [Arguments("registry.example.net/notes:v1@sha256:abc", "registry.example.net/notes")]
    public async Task A_reference_without_tag_and_digest(string reference, string repository) =>
        await Assert.That(ImagePreparation.Repository(reference)).IsEqualTo(repository);

    [Test]
    [Arguments("registry.example.net/notes:v1", "sha256:right")]
    [Arguments("registry.example.net/notes@sha256:given", "sha256:given")]
    [Arguments("localhost/notes:v1", "sha256:id")]
    [Arguments("registry.example.net/other:v1", "sha256:id")]
    public async Task The_pin_is_the_registrys_digest_or_the_images_id(string reference, string digest)
    {
        var image = new ImageDetail { Id = "id", RepoDigests = ["mirror.example.net/notes@sha256:wrong", "registry.example.net/notes@sha256:right", "localhost/notes@sha256:local"] };
        await Assert.That(ImagePreparation.PinOf(new ComponentSpec { Name = "web", Image = reference }, image).Digest).IsEqualTo(digest);
    }

    [Test]
    public async Task A_volume_is_covered_by_a_mount_at_it_or_above_it_or_by_scratch()
    {
        var image = new ImageDetail { Id = "id", Volumes = ["/data/db", "/cache", "/lost", "/database"] };
        var component = new ComponentSpec { Name = "web", Volumes = { "/srv/notes:/data" }, Scratch = { "/cache" } };
        await Assert.That(ImagePreparation.UncoveredVolumes(component, image)).IsEquivalentTo(["/database", "/lost"]);
        var fault = await Assert.That(() => ImagePreparation.RequireCovered(new ServiceSpec { Name = "notes" }, component, image)).Throws<McpException>();
        await Assert.That(fault!.Hint).Contains("\"/srv/notes/lost:/lost\"");
    }
}
