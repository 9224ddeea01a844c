using Mcp.Errors;
using Mcp.Master;
using Mcp.Master.Configuration;
using Mcp.Master.Identity;

namespace Mcp.Tests.Master;

public class MasterInitTests
{
    [Test]
    public async Task A_fleet_is_created_once()
    {
        using var folder = new TemporaryFolder();
        var configuration = MasterConfiguration.At(folder["mcp-master"], "home", "fleet.example", "10.0.0.1:9555");
        var created = MasterInit.Run(configuration, "alice", TimeProvider.System, _ => { });
        var read = MasterConfigurationReader.ReadFile(created.ConfigurationFile);
        await Assert.That(read.Domain).IsEqualTo("fleet.example");
        await Assert.That(read.Zone).IsEqualTo("svc.fleet.example");
        await Assert.That(read.Address).IsEqualTo("10.0.0.1:9555");
        await Assert.That(read.Database).IsEqualTo(configuration.Database);
        await Assert.That(created.Invitation.Token.RootSha256.Length).IsEqualTo(64);
        var again = Assert.Throws<McpException>(() => MasterInit.Run(configuration, "bob", TimeProvider.System, _ => { }));
        await Assert.That(again!.Code).IsEqualTo(FaultCode.AlreadyExists);
    }

    [Test]
    public async Task Killed_before_its_last_line_it_succeeds_the_next_time_and_only_the_last_token_counts()
    {
        using var folder = new TemporaryFolder();
        var configuration = MasterConfiguration.At(folder["mcp-master"], "home", "fleet.example", "10.0.0.1:9555");
        Invitation? first = null;
        Assert.Throws<TimeoutException>(() => MasterInit.Run(configuration, "alice", TimeProvider.System, created =>
        {
            first = created.Invitation;
            throw new TimeoutException("killed");
        }));
        var created = MasterInit.Run(configuration, "bob", TimeProvider.System, _ => { });
        using var database = MasterDatabase.Open(configuration.Database, TimeProvider.System);
        var (old, @new, people) = database.Read(c => (
            JoinTokenStore.Find(c, first!.Token.SecretSha256), JoinTokenStore.Find(c, created.Invitation.Token.SecretSha256), OperatorStore.All(c)));
        await Assert.That(old).IsNull();
        await Assert.That(@new!.Name).IsEqualTo("bob");
        await Assert.That(people.Single(p => p.State != "revoked").Name).IsEqualTo("bob");
        await Assert.That(created.Invitation.Token.RootSha256).IsEqualTo(first!.Token.RootSha256);
    }

    [Test]
    [Arguments("10.0.0.1", "10.0.0.1:9555", ":9555")]
    [Arguments("10.0.0.1:1234", "10.0.0.1:1234", ":1234")]
    [Arguments("127.0.0.1:1234", "127.0.0.1:1234", "127.0.0.1:1234")]
    public async Task It_listens_where_it_says_that_it_is(string said, string address, string listen)
    {
        using var folder = new TemporaryFolder();
        var created = MasterInit.Run(MasterConfiguration.At(folder["mcp-master"], "home", "fleet.example", said), "alice", TimeProvider.System, _ => { });
        var read = MasterConfigurationReader.ReadFile(created.ConfigurationFile);
        await Assert.That(read.Address).IsEqualTo(address);
        await Assert.That(read.Listen).IsEquivalentTo(new[] { listen });
    }

    [Test]
    [Arguments("", "alice", "10.0.0.1:9555")]
    [Arguments("fleet", "alice", "10.0.0.1:9555")]
    [Arguments("fleet.example", "local", "10.0.0.1:9555")]
    [Arguments("fleet.example", "alice", "master.example:9555")]
    public async Task Wrong_words_are_refused_before_anything_is_written(string domain, string name, string address)
    {
        using var folder = new TemporaryFolder();
        var configuration = MasterConfiguration.At(folder["mcp-master"], "home", domain, address);
        var fault = Assert.Throws<McpException>(() => MasterInit.Run(configuration, name, TimeProvider.System, _ => { }));
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.InvalidArgument);
        await Assert.That(Directory.Exists(folder["mcp-master"])).IsFalse();
    }
}
