using Mcp.Errors;
using Mcp.Master.Configuration;
using Mcp.Placement;

namespace Mcp.Tests.Master;

public class MasterConfigurationTests
{
    [Test]
    public async Task Every_key_of_the_contract_is_read()
    {
        var read = MasterConfigurationReader.Read("/srv/mcp-master/mcp-master.toml", """
            [server]
            grpc_addr = ["10.0.0.1:9555", "[::1]:9555"]
            tls_cert = "certs/one.pem"
            tls_key = "certs/one.pem"
            [fleet]
            name = "home"
            domain = "fleet.example"
            zone = "in.fleet.example"
            [database]
            path = "/var/lib/m.db"
            [identity]
            provider = "fleet"
            [edge]
            allowed_domains = ["example.org"]
            backend_cidrs = ["100.64.0.0/10"]
            [registration]
            allowed_agents = ["orion"]
            max_nodes = 3
            [placement]
            schedule_on_master = "never"
            [timeouts]
            deploy = "1m"
            edge_route = "2s"
            health_check = "3s"
            undeploy = "4s"
            snapshot = "5m"
            [snapshots]
            dir = "/var/snapshots"
            interval = "12h"
            retain = 3
            drill = "1d"
            [migration]
            keep_source = "1d"
            [alerts]
            command = ["/bin/mail", "me"]
            cooldown = "1m"
            [dns]
            provider = "none"
            [[nodes]]
            name = "orion"
            address = "10.0.0.7:9444"
            role = "worker"
            """);
        await Assert.That(read.Listen).IsEquivalentTo(new[] { "10.0.0.1:9555", "[::1]:9555" });
        await Assert.That(read.TlsCertificate).IsEqualTo("/srv/mcp-master/certs/one.pem");
        await Assert.That((read.Zone, read.Database, read.MaxNodes, read.ScheduleOnMaster)).IsEqualTo(("in.fleet.example", "/var/lib/m.db", 3, ScheduleOnMaster.Never));
        await Assert.That(read.Timeouts).IsEqualTo(new MasterTimeouts
        {
            Deploy = TimeSpan.FromMinutes(1),
            EdgeRoute = TimeSpan.FromSeconds(2),
            HealthCheck = TimeSpan.FromSeconds(3),
            Undeploy = TimeSpan.FromSeconds(4),
            Snapshot = TimeSpan.FromMinutes(5),
        });
        await Assert.That(read.Snapshots).IsEqualTo(new SnapshotSettings("/var/snapshots") { Interval = TimeSpan.FromHours(12), Retain = 3, Drill = TimeSpan.FromDays(1) });
        await Assert.That(read.Nodes.Single()).IsEqualTo(new BootstrapNode("orion", "10.0.0.7:9444", "worker"));
        await Assert.That(read.KeepSource).IsEqualTo(TimeSpan.FromDays(1));
    }

    [Test]
    public async Task All_mistakes_are_named_at_once_with_their_lines()
    {
        var fault = Assert.Throws<McpException>(() => MasterConfigurationReader.Read("/srv/mcp-master/mcp-master.toml", """
            [server]
            grpc_adr = ":9555"
            [fleet]
            domain = "localhost"
            [timeouts]
            deploy = 5
            [dns]
            provider = "mcns"
            """));
        await Assert.That(fault!.Problems.Select(p => (p.Line, p.Key))).IsEquivalentTo(new[]
        {
            (2, "server.grpc_adr"), (4, "fleet.domain"), (6, "timeouts.deploy"), (8, "dns.provider"),
        });
    }

    [Test]
    public async Task What_init_writes_reads_back()
    {
        var configuration = MasterConfiguration.At("/srv/mcp-master", "a \"fleet\"", "fleet.example", "[fd00::1]:9555") with { AllowedDomains = ["example.org"], Listen = ["[fd00::1]:9555"] };
        var read = MasterConfigurationReader.Read("/srv/mcp-master/mcp-master.toml", MasterConfigurationText.Write(configuration));
        await Assert.That(read with { Listen = configuration.Listen, AllowedDomains = configuration.AllowedDomains, BackendCidrs = [], AllowedAgents = [], AlertCommand = [], Nodes = [] })
            .IsEqualTo(configuration with { BackendCidrs = [], AllowedAgents = [], AlertCommand = [], Nodes = [] });
        await Assert.That(read.AllowedDomains).IsEquivalentTo(configuration.AllowedDomains);
    }
}
