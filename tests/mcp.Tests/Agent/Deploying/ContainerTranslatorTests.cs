using Mcp.Agent.Deploying;
using Mcp.Podman;
using Mcp.V1;

namespace Mcp.Tests.Agent.Deploying;

/// <summary>Spec → what podman is told.</summary>
internal sealed class ContainerTranslatorTests
{
    private static ContainerCreateSpec Translate(ComponentSpec component, ImageDetail? image = null, params KeyValuePair<string, string>[] fromFiles)
    {
        var service = new ServiceSpec { Name = "notes", Components = { component } };
        return ContainerTranslator.Translate(new ContainerRecipe
        {
            Service = service,
            Component = component,
            Node = "orion",
            Generation = 4,
            Operation = "op-12345678",
            SpecHash = "abc",
            Image = image ?? new ImageDetail { Id = "img" },
            Ports = new PortAssignment(component.Routes.ToDictionary(r => (component.Name, r.Name), r => 20000 + (int)r.Port), new Dictionary<(string, string), int>()),
            EnvironmentOfFiles = fromFiles,
            DataRoot = "/data",
        });
    }

    [Test]
    public async Task Own_labels_win_over_the_images()
    {
        var image = new ImageDetail { Id = "img", Labels = new Dictionary<string, string> { ["mcp.service"] = "evil", ["mcp.other"] = "evil", ["x"] = "y" } };
        var made = Translate(new ComponentSpec { Name = "web" }, image);
        await Assert.That(made.Labels["mcp.service"]).IsEqualTo("notes");
        await Assert.That(made.Labels["mcp.component"]).IsEqualTo("web");
        await Assert.That(made.Labels["mcp.generation"]).IsEqualTo("4");
        await Assert.That(made.Labels["mcp.spec-hash"]).IsEqualTo("abc");
        await Assert.That(made.Labels["mcp.node"]).IsEqualTo("orion");
        await Assert.That(made.Labels["mcp.other"]).IsEqualTo("");
    }

    [Test]
    public async Task A_route_with_a_container_port_publishes_it_and_sets_no_variable()
    {
        var made = Translate(new ComponentSpec { Name = "web", Routes = { new RouteSpec { Name = "a", Port = 443, ContainerPort = 8080 } } });
        await Assert.That(made.Ports).IsEquivalentTo([new PublishedPort("127.0.0.1", 20443, 8080)]);
        await Assert.That(made.Environment.ContainsKey("PORT")).IsFalse();
    }

    [Test]
    public async Task A_route_without_one_tells_the_container_its_port()
    {
        var made = Translate(new ComponentSpec { Name = "web", Routes = { new RouteSpec { Name = "a", Port = 443 } } });
        await Assert.That(made.Ports).IsEquivalentTo([new PublishedPort("127.0.0.1", 20443, 20443)]);
        await Assert.That(made.Environment["PORT"]).IsEqualTo("20443");
    }

    [Test]
    public async Task The_definition_wins_over_env_files()
    {
        var made = Translate(new ComponentSpec { Name = "web", Env = { "A=definition" } }, null, new("A", "file"), new("B", "file"));
        await Assert.That(made.Environment["A"]).IsEqualTo("definition");
        await Assert.That(made.Environment["B"]).IsEqualTo("file");
    }

    [Test]
    public async Task Logical_paths_are_mapped_and_only_own_ones_relabelled()
    {
        var made = Translate(new ComponentSpec { Name = "web", Volumes = { "/srv/notes/db:/db", "/etc/ssl:/etc/ssl:ro" } });
        await Assert.That(made.Binds).IsEquivalentTo([new BindMount("/data/notes/db", "/db", false, true), new BindMount("/etc/ssl", "/etc/ssl", true, false)]);
    }

    [Test]
    public async Task Networks_are_own_shared_or_the_hosts()
    {
        await Assert.That(Translate(new ComponentSpec { Name = "web" }).Network).IsEqualTo("mcp-notes");
        await Assert.That(Translate(new ComponentSpec { Name = "web", Network = "mcpnet" }).Network).IsEqualTo("mcpnet");
        await Assert.That(Translate(new ComponentSpec { Name = "web", Network = "host" }).Network).IsNull();
    }
}
