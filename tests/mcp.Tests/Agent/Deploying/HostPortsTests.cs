using Mcp.Agent.Deploying;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Tests.Agent.Deploying;

/// <summary>Host ports of routes: kept, skipped, used up.</summary>
internal sealed class HostPortsTests
{
    private static ServiceSpec Spec(params string[] routes)
    {
        var component = new ComponentSpec { Name = "web" };
        component.Routes.AddRange(routes.Select(r => new RouteSpec { Name = r, ContainerPort = 80 }));
        return new ServiceSpec { Name = "notes", Components = { component } };
    }

    private static readonly Dictionary<(string, string), int> None = [];

    [Test]
    public async Task A_port_once_given_stays()
    {
        var ports = new HostPorts((10000, 10003), _ => true, new Random(1)).Assign(Spec("a", "b"), new Dictionary<(string, string), int> { [("web", "a")] = 31999 }, new Dictionary<int, string>());
        await Assert.That(ports.Of("web", "a")).IsEqualTo(31999);
        await Assert.That(ports.Reserve.Keys).IsEquivalentTo([("web", "b")]);
    }

    [Test]
    public async Task Ports_of_others_and_ports_in_use_are_skipped()
    {
        var ports = new HostPorts((10000, 10003), port => port != 10001, new Random(1)).Assign(Spec("a", "b"), None, new Dictionary<int, string> { [10002] = "other" });
        await Assert.That(ports.All.Values.Order()).IsEquivalentTo([10000, 10003]);
    }

    [Test]
    public async Task A_range_that_is_used_up_says_so()
    {
        var fault = await Assert.That(() => new HostPorts((10000, 10001), _ => true, new Random(1)).Assign(Spec("a", "b", "c"), None, new Dictionary<int, string>())).Throws<McpException>();
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.ResourceExhausted);
    }

    [Test]
    public async Task In_the_hosts_network_the_containers_port_is_the_hosts()
    {
        var spec = Spec("a");
        spec.Components[0].Network = "host";
        var ports = new HostPorts((10000, 10001), _ => true, new Random(1)).Assign(spec, None, new Dictionary<int, string>());
        await Assert.That(ports.Of("web", "a")).IsEqualTo(80);
        await Assert.That(ports.Reserve).IsEmpty();
        await Assert.That(HostPorts.Published(spec.Components[0], ports)).IsEmpty();
    }
}
