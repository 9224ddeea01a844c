using Google.Protobuf.WellKnownTypes;
using Mcp.Definitions;
using Mcp.V1;

namespace Mcp.Tests.Definitions;

/// <summary>The small pure parts: names, hosts, variables, policy, and what only the wire can bring.</summary>
internal sealed class DefinitionPartsTests
{
    [Test]
    public async Task Container_names_of_two_services_can_meet()
    {
        await Assert.That(ContainerName.Of("notes", "notes")).IsEqualTo("notes");
        await Assert.That(ContainerName.Of("notes", "web")).IsEqualTo("notes-web");
        await Assert.That(ContainerName.Collision(Service("a-b", "c"), Service("a", "x", "b-c"))).IsEqualTo("a-b-c");
        await Assert.That(ContainerName.Collision(Service("a-b", "a-b"), Service("a", "b"))).IsEqualTo("a-b");
        await Assert.That(ContainerName.Collision(Service("a", "b"), Service("a", "b"))).IsNull();
        await Assert.That(ContainerName.Collision(Service("a", "b"), Service("c", "b"))).IsNull();
    }

    [Test]
    public async Task Hostnames_default_to_the_service_and_the_second_public_route_of_a_listener_to_its_own()
    {
        var spec = Service("notes", "web");
        spec.Components[0].Routes.Add(new RouteSpec { Name = "one", Port = 443, Mode = "l7", Public = true, Hostname = "one.example.org" });
        spec.Components[0].Routes.Add(new RouteSpec { Name = "two", Port = 443, Mode = "l7", Public = true, Hostname = "two.example.org" });
        spec.Components[0].Routes.Add(new RouteSpec { Name = "api", Port = 9443, Mode = "l4" });
        var routes = spec.Components[0].Routes;
        await Assert.That(routes.Select(r => RouteHostname.Of(spec, r, "svc.x.net"))).IsEquivalentTo(["one.example.org", "two.example.org", "notes.svc.x.net"]);
        await Assert.That(routes.Select(r => RouteHostname.Internal(spec, r, "svc.x.net"))).IsEquivalentTo(["notes.svc.x.net", "two.notes.svc.x.net", "notes.svc.x.net"]);
    }

    [Test]
    public async Task The_port_is_told_by_one_variable_or_one_for_each()
    {
        var component = new ComponentSpec { Routes = { new RouteSpec { Name = "grpc-api" } } };
        await Assert.That(PortVariable.Of(component, component.Routes[0])).IsEqualTo("PORT");
        component.Routes.Add(new RouteSpec { Name = "web", ContainerPort = 80 });
        await Assert.That(PortVariable.Of(component, component.Routes[0])).IsEqualTo("PORT_GRPC_API");
        await Assert.That(PortVariable.Of(component, component.Routes[1])).IsNull();
    }

    [Test]
    public async Task A_snapshot_command_is_words()
    {
        await Assert.That(SnapshotMethod.TryParse("exec:  dump --to 'a b' \"c|d\" e''f ", out var method, out _)).IsTrue();
        await Assert.That(method!.Words).IsEquivalentTo(["dump", "--to", "a b", "c|d", "ef"]);
    }

    [Test]
    public async Task An_image_keeps_its_registry_port()
    {
        await Assert.That(ImageReference.TryParse("localhost:5000/a/b:v1", out var image, out _)).IsTrue();
        await Assert.That((image!.Repository, image.Tag)).IsEqualTo(("localhost:5000/a/b", "v1"));
        await Assert.That(image.ByDigest("sha256:x")).IsEqualTo("localhost:5000/a/b@sha256:x");
    }

    [Test]
    public async Task Paths_of_definitions_move_with_the_data_root()
    {
        await Assert.That(LogicalPath.OnNode("/srv/notes/x", "/data")).IsEqualTo("/data/notes/x");
        await Assert.That(LogicalPath.OnNode("/etc/ssl", "/data")).IsEqualTo("/etc/ssl");
        await Assert.That(LogicalPath.OnNode("/srvx", "/data")).IsEqualTo("/srvx");
    }

    [Test]
    [Arguments("/etc/ssl:/x:ro", "components[0].volumes[0]")]
    [Arguments("/opt/rw:/x", "")]
    [Arguments("/opt/rw/sub:/x", "")]
    [Arguments("/opt/ro:/x", "components[0].volumes[0]")]
    [Arguments("/opt/ro:/x:ro", "")]
    [Arguments("/opt/data/other:/x", "components[0].volumes[0]")]
    [Arguments("/opt:/x", "components[0].volumes[0]")]
    [Arguments("/srv/a:/x", "")]
    public async Task A_nodes_policy_decides_about_paths(string volume, string key)
    {
        var spec = Service("a", "a");
        spec.Components[0].Volumes.Add(volume);
        var policy = new NodePolicy { HostPaths = ["/opt/rw", "/opt/ro:ro", "/opt/data"], DataRoot = "/opt/data" };
        await Assert.That(string.Join(" ", NodePolicyRules.Check(spec, policy).Select(p => p.Key))).IsEqualTo(key);
    }

    [Test]
    public async Task A_nodes_policy_decides_about_ports_and_the_host_network()
    {
        var spec = Service("a", "a");
        spec.Components[0].Network = "host";
        spec.Components[0].Ports.Add(["127.0.0.1:9:9", "[::1]:9:9", "0.0.0.0:80:80", "10.0.0.1:81:81", "7000:1"]);
        await Assert.That(NodePolicyRules.Check(spec, new NodePolicy { PublicPorts = [81], OwnPorts = [7000] }).Select(p => p.Key))
            .IsEquivalentTo(["components[0].network", "components[0].ports[2]", "components[0].ports[4]"]);
        await Assert.That(NodePolicyRules.Check(spec, new NodePolicy { HostNetwork = true, PublicPorts = [80, 81] })).IsEmpty();
    }

    [Test]
    public async Task The_wire_can_bring_durations_that_are_none_and_texts_without_end()
    {
        var spec = Service("a", "a");
        spec.Components[0].Health = new HealthSpec { Type = "tcp", Port = 1, Interval = new Duration { Seconds = long.MaxValue, Nanos = -1 }, Timeout = new Duration { Nanos = 1 } };
        await Assert.That(SpecRules.Check(spec).Select(p => p.Key)).IsEquivalentTo(["components[0].health.interval", "components[0].health.timeout"]);
        await Assert.That(SpecHash.OfService(spec)).IsNotEmpty();
        var large = Service("a", "a");
        large.Components[0].Env.Add("A=" + new string('x', 200_000));
        await Assert.That(SpecRules.Check(large).Single().Key).IsEqualTo("components[0].env[0]");
        large.Components.Add(Enumerable.Range(0, 1000).Select(i => new ComponentSpec { Name = $"c{i}" }));
        await Assert.That(SpecRules.Check(large).Select(p => p.Key)).Contains("components");
        await Assert.That(SpecRules.Check(new ServiceSpec())).Count().IsEqualTo(2);
    }

    private static ServiceSpec Service(string name, params string[] components)
    {
        var spec = new ServiceSpec { Name = name };
        spec.Components.Add(components.Select(c => new ComponentSpec { Name = c, Image = "x:1" }));
        return spec;
    }
}
