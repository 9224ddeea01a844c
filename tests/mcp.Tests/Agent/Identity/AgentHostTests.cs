using Grpc.Core;
using Mcp.Agent;
using Mcp.Agent.Configuration;
using Mcp.Agent.Identity;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Tests.Master;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mcp.Tests.Agent.Identity;

/// <summary>A real agent that joins a real master over TLS, in one process and without podman: what does not need it must work all the same.</summary>
internal sealed class AgentHostTests
{
    private static AgentJoinOrder Order(MasterBench bench, TemporaryFolder folder, string token, int port) => new()
    {
        MasterAddress = bench.Address,
        Token = token,
        Address = $"127.0.0.1:{port}",
        Listen = $"127.0.0.1:{port}",
        Home = folder["mcp"],
        DataRoot = folder["srv"],
        Socket = folder["agent.sock"],
        PodmanSocket = folder["no-podman.sock"],
    };

    private static async Task<string> TokenAsync(MasterBench bench, string name) =>
        (await bench.Admin.NodeAddAsync(new NodeAddRequest { Name = name, Role = "worker" }, MasterBench.Operation())).Token;

    private static int FreePort()
    {
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        socket.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        return ((System.Net.IPEndPoint)socket.LocalEndPoint!).Port;
    }

    [Test]
    public async Task It_joins_registers_and_is_called_back_although_podman_is_away()
    {
        await using var bench = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        var joined = await AgentJoin.RunAsync(Order(bench, folder, await TokenAsync(bench, "orion"), FreePort()), _ => { }, TimeProvider.System, CancellationToken.None);
        await Assert.That((joined.Node, joined.Role, joined.Domain)).IsEqualTo(("orion", "worker", MasterBench.Domain));

        await using var host = await AgentHost.StartAsync(AgentConfigurationReader.ReadFile(joined.ConfigurationPath), NullLoggerFactory.Instance, TimeProvider.System, CancellationToken.None);
        await host.Registered.WaitAsync(TimeSpan.FromSeconds(30));
        await MasterBench.UntilAsync(async () => (await bench.NodeAsync("orion")).Joined, "the master has called back");
        await Assert.That((await bench.NodeAsync("orion")).LastHeartbeat).IsNotEmpty().Because("a Register is heard, too; the first heartbeat follows half a minute later");

        using var local = UnixChannel.Open(folder["agent.sock"]);
        var agent = new McpAgentService.McpAgentServiceClient(local);
        var status = await agent.NodeStatusAsync(new NodeStatusRequest());
        await Assert.That(status.Name).IsEqualTo("orion");
        await Assert.That(status.Problems).IsNotEmpty();
        await Assert.That(status.MasterAddress).IsEqualTo(bench.Address);

        var spec = MasterBench.Spec("notes");
        var call = agent.Deploy(new AgentDeployRequest { Spec = spec, SpecHash = Mcp.Definitions.SpecHash.OfService(spec), Epoch = 1, VolumeId = "v" }, MasterBench.Operation());
        var fault = await Assert.That(async () => { await foreach (var _ in call.ResponseStream.ReadAllAsync()) { } }).Throws<McpException>();
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.Unavailable);
        await Assert.That(fault.Node).IsEqualTo("orion");
    }

    [Test]
    public async Task A_join_is_repeated_with_the_same_key_and_not_over_a_joined_node()
    {
        await using var bench = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        var token = await TokenAsync(bench, "orion");
        var order = Order(bench, folder, token, FreePort());
        await AgentJoin.RunAsync(order, _ => { }, TimeProvider.System, CancellationToken.None);
        var again = await Assert.That(async () => await AgentJoin.RunAsync(order, _ => { }, TimeProvider.System, CancellationToken.None)).Throws<McpException>();
        await Assert.That(again!.Code).IsEqualTo(FaultCode.AlreadyExists);
    }

    [Test]
    public async Task A_token_of_another_fleet_is_refused_before_it_is_sent()
    {
        await using var bench = await MasterBench.StartAsync();
        await using var other = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        var order = Order(bench, folder, await TokenAsync(other, "orion"), FreePort());
        await Assert.That(async () => await AgentJoin.RunAsync(order, _ => { }, TimeProvider.System, CancellationToken.None)).Throws<McpException>();
        await Assert.That(File.Exists(folder["mcp/certs/agent.pem"])).IsFalse();
        await Assert.That(File.Exists(folder["mcp/certs/agent.pem.next"])).IsFalse();
    }

    [Test]
    public async Task An_operator_may_call_it_directly_and_not_what_is_the_masters()
    {
        await using var bench = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        var joined = await AgentJoin.RunAsync(Order(bench, folder, await TokenAsync(bench, "orion"), FreePort()), _ => { }, TimeProvider.System, CancellationToken.None);
        await using var host = await AgentHost.StartAsync(AgentConfigurationReader.ReadFile(joined.ConfigurationPath), NullLoggerFactory.Instance, TimeProvider.System, CancellationToken.None);
        await host.Registered.WaitAsync(TimeSpan.FromSeconds(30));
        var invited = await bench.Admin.OperatorAddAsync(new OperatorAddRequest { Name = "bob", Role = "admin" }, MasterBench.Operation());
        _ = Mcp.Certificates.JoinToken.TryParse(invited.Token, out var token);
        var (credentials, _) = await bench.JoinAsync(token!, null);
        using var channel = PeerChannel.Open([$"127.0.0.1:{host.Endpoints[0].Port}"], Principal.AgentOf(NodeName.Parse("orion")), credentials, bench.Trust, MasterBench.Domain, TimeProvider.System);
        var agent = new McpAgentService.McpAgentServiceClient(channel);
        var refused = await Assert.That(async () => await agent.HealthCheckAsync(new HealthCheckRequest())).Throws<McpException>();
        await Assert.That(refused!.Code).IsEqualTo(FaultCode.PermissionDenied);
        // Bob's role reaches this node with the next heartbeat; until then he is nobody here.
        var unknown = await Assert.That(async () => await agent.ListServicesAsync(new ListServicesRequest())).Throws<McpException>();
        await Assert.That(unknown!.Code).IsEqualTo(FaultCode.PermissionDenied);
    }

    [Test]
    [Arguments(60)]
    [Arguments(-59)]
    public async Task A_node_whose_clock_is_an_hour_off_registers_and_is_healthy(int minutes)
    {
        // The machine's own clock is everybody's in a container, so the agent gets one of its own here.
        await using var bench = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        var clock = new ShiftedClock { Shift = TimeSpan.FromMinutes(minutes) };
        var joined = await AgentJoin.RunAsync(Order(bench, folder, await TokenAsync(bench, "orion"), FreePort()), _ => { }, clock, CancellationToken.None);
        await using var host = await AgentHost.StartAsync(AgentConfigurationReader.ReadFile(joined.ConfigurationPath), NullLoggerFactory.Instance, clock, CancellationToken.None);
        await host.Registered.WaitAsync(TimeSpan.FromSeconds(30));
        await MasterBench.UntilAsync(async () => (await bench.NodeAsync("orion")).Status == "healthy", "the node is healthy");
    }

    [Test]
    public async Task A_clock_that_certificates_do_not_bear_is_named()
    {
        await using var bench = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        var clock = new ShiftedClock { Shift = TimeSpan.FromHours(-3) };
        var order = Order(bench, folder, await TokenAsync(bench, "orion"), FreePort());
        var refused = await Assert.That(async () => await AgentJoin.RunAsync(order, _ => { }, clock, CancellationToken.None)).Throws<McpException>();
        await Assert.That(refused!.Describe()).Contains("clock");
        await Assert.That(File.Exists(folder["mcp/certs/agent.pem"])).IsFalse();
    }

    [Test]
    public async Task A_node_that_was_off_for_a_year_comes_back_by_itself()
    {
        var clock = new ShiftedClock();
        await using var bench = await MasterBench.StartAsync();
        bench.Clock = clock;
        using var folder = new TemporaryFolder();
        var joined = await AgentJoin.RunAsync(Order(bench, folder, await TokenAsync(bench, "orion"), FreePort()), _ => { }, clock, CancellationToken.None);
        var configuration = AgentConfigurationReader.ReadFile(joined.ConfigurationPath);
        await using (var before = await AgentHost.StartAsync(configuration, NullLoggerFactory.Instance, clock, CancellationToken.None))
            await before.Registered.WaitAsync(TimeSpan.FromSeconds(30));

        clock.Shift = TimeSpan.FromDays(400);
        await bench.RestartAsync();
        await using var host = await AgentHost.StartAsync(configuration with { MasterAddress = bench.Address }, NullLoggerFactory.Instance, clock, CancellationToken.None);
        await host.Registered.WaitAsync(TimeSpan.FromSeconds(30));

        var renewed = new Mcp.Certificates.CredentialFile(folder["mcp/certs/agent.pem"]).Load();
        await Assert.That(renewed.NotAfter).IsGreaterThan(clock.GetUtcNow() + TimeSpan.FromDays(60));
    }

    [Test]
    public async Task A_master_that_moved_is_found_where_it_said_that_it_is()
    {
        await using var bench = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        var joined = await AgentJoin.RunAsync(Order(bench, folder, await TokenAsync(bench, "orion"), FreePort()), _ => { }, TimeProvider.System, CancellationToken.None);
        var configuration = AgentConfigurationReader.ReadFile(joined.ConfigurationPath);
        var before = bench.Address;
        await using (var host = await AgentHost.StartAsync(configuration, NullLoggerFactory.Instance, TimeProvider.System, CancellationToken.None))
        {
            await host.Registered.WaitAsync(TimeSpan.FromSeconds(30));
            await MasterBench.UntilAsync(async () => (await bench.NodeAsync("orion")).Status == "healthy", "orion is healthy");
            // The master comes back elsewhere and calls all its nodes; the configuration of the node still names the old place.
            await bench.RestartAsync();
            await Assert.That(bench.Address).IsNotEqualTo(before);
            using var local = UnixChannel.Open(folder["agent.sock"]);
            var agent = new McpAgentService.McpAgentServiceClient(local);
            await MasterBench.UntilAsync(async () => (await agent.NodeStatusAsync(new NodeStatusRequest())).MasterAddress == bench.Address, "the node knows the new place");
        }
        await Assert.That(configuration.MasterAddress).IsEqualTo(before);
        await using var again = await AgentHost.StartAsync(configuration, NullLoggerFactory.Instance, TimeProvider.System, CancellationToken.None);
        await again.Registered.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Test]
    public async Task Services_that_are_started_without_the_masters_word_are_said_to_be_unconfirmed()
    {
        await using var bench = await MasterBench.StartAsync();
        using var folder = new TemporaryFolder();
        var joined = await AgentJoin.RunAsync(Order(bench, folder, await TokenAsync(bench, "orion"), FreePort()), _ => { }, TimeProvider.System, CancellationToken.None);
        var configuration = AgentConfigurationReader.ReadFile(joined.ConfigurationPath) with { OwnershipWait = TimeSpan.FromMilliseconds(200) };
        using (var database = Mcp.Agent.Registry.AgentDatabase.Open(configuration.Database, TimeProvider.System))
            database.Write(c => Mcp.Agent.Registry.ServiceStore.Commit(c, new("notes", MasterBench.Spec("notes"), "h", 1, true, "", "op", "human/alice", "2026-04-01T00:00:00Z", [])));
        await bench.Host.DisposeAsync();
        await using var host = await AgentHost.StartAsync(configuration, NullLoggerFactory.Instance, TimeProvider.System, CancellationToken.None);
        using var local = UnixChannel.Open(folder["agent.sock"]);
        var agent = new McpAgentService.McpAgentServiceClient(local);
        await MasterBench.UntilAsync(async () => (await agent.NodeStatusAsync(new NodeStatusRequest())).Problems.Any(p => p.StartsWith("unconfirmed", StringComparison.Ordinal)), "the node says that it is unconfirmed");
    }
}
