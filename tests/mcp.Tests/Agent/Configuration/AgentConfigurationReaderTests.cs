using Mcp.Agent.Configuration;
using Mcp.Agent.Identity;
using Mcp.Errors;
using Mcp.Names;
using Mcp.V1;

namespace Mcp.Tests.Agent.Configuration;

/// <summary><c>mcp-agent.toml</c>: every key of the contract, every mistake at once, and what join writes.</summary>
internal sealed class AgentConfigurationReaderTests
{
    [Test]
    public async Task Every_key_of_the_contract_is_known()
    {
        var read = AgentConfigurationReader.Read("mcp-agent.toml", """
            [node]
            name = "orion"
            role = "edge"
            address = "10.0.0.7:9444"
            [server]
            grpc_addr = ["10.0.0.7:9444", "127.0.0.1:9444"]
            tls_cert = "/c/a.pem"
            tls_key = "/c/a.key"
            socket = "/run/x/agent.sock"
            [tls]
            ca_cert = "/c/ca.pem"
            [database]
            path = "/d/mcp.db"
            [master]
            address = "10.0.0.1:9555"
            [data]
            root = "/data"
            [podman]
            socket = "/run/podman/podman.sock"
            auth_file = "/c/auth.json"
            [proxy]
            socket = "/run/mcp-proxy/admin.sock"
            [identity]
            provider = "fleet"
            [edge]
            zone = "svc.example.net"
            allowed_domains = ["example.net"]
            backend_cidrs = ["100.64.0.0/10"]
            [policy]
            host_paths = ["/etc/ssl:ro"]
            host_network = true
            public_ports = [25]
            [monitor]
            interval = "20s"
            alert_command = ["mail", "root"]
            cooldown = "15m"
            flap_threshold = 3
            flap_window = "10m"
            retention = "30d"
            [ports]
            first = 20000
            last = 21000
            [boot]
            ownership_wait = "5s"
            [[boot.sequence]]
            name = "foundation"
            services = ["dns"]
            timeout = "120s"
            health = "tcp"
            on_failure = "block"
            [metrics]
            addr = "127.0.0.1:9100"
            [log]
            level = "debug"
            format = "json"
            """);
        await Assert.That(read.Listen).IsEquivalentTo(["10.0.0.7:9444", "127.0.0.1:9444"]);
        await Assert.That(read.Ports).IsEqualTo((20000, 21000));
        await Assert.That(read.Policy.HostNetwork).IsTrue();
        await Assert.That(read.OwnershipWait).IsEqualTo(TimeSpan.FromSeconds(5));
        await Assert.That(read.OwnPodmanService).IsFalse();
        await Assert.That(read.TlsKey).IsEqualTo("/c/a.key");
    }

    [Test]
    public async Task Every_mistake_is_told_at_once_with_its_line()
    {
        var fault = await Assert.That(() => AgentConfigurationReader.Read("mcp-agent.toml", """
            [node]
            name = "Orion"
            role = "boss"
            [ports]
            first = 80
            last = 70
            [monitor]
            intervall = "10s"
            [identity]
            provider = "mcias"
            """)).Throws<McpException>();
        await Assert.That(fault!.Problems.Select(p => p.Key).Order()).IsEquivalentTo(
            ["identity.provider", "monitor.intervall", "node.address", "node.name", "node.role", "ports.first", "ports.last"]);
        await Assert.That(fault.Problems.Single(p => p.Key == "monitor.intervall").Line).IsEqualTo(8);
    }

    [Test]
    public async Task What_join_writes_is_read_back()
    {
        var order = new AgentJoinOrder { MasterAddress = "10.0.0.1:9555", Token = "", Address = "10.0.0.7:9444", Home = "/data/mcp", DataRoot = "/data", Socket = "/run/\"x\"/a.sock" };
        var answer = new JoinResponse { Role = "edge", Zone = "svc.example.net", AllowedDomains = { "example.net" }, BackendCidrs = { "100.64.0.0/10" } };
        var read = AgentConfigurationReader.Read("mcp-agent.toml", AgentConfigurationText.Write(order, NodeName.Parse("orion"), answer));
        await Assert.That((read.Name, read.Role, read.Address, read.MasterAddress, read.DataRoot, read.Socket, read.Database))
            .IsEqualTo(("orion", "edge", "10.0.0.7:9444", "10.0.0.1:9555", "/data", "/run/\"x\"/a.sock", "/data/mcp/mcp.db"));
        await Assert.That(read.Edge.AllowedDomains).IsEquivalentTo(["example.net"]);
    }
}
