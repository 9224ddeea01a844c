using System.Net;
using System.Net.Sockets;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Tests.Certificates;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Tests.Transport;

internal sealed class PeerChannelTests : IDisposable
{
    private readonly TestFleet _fleet = new();

    public void Dispose() => _fleet.Dispose();

    [Test]
    public async Task The_wrong_peer_is_named()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        using var channel = _fleet.Call(server, "agent/vega", _fleet.Issue("master/mcp-master"));
        var fault = await FailAsync(channel);
        await Assert.That(fault.Code).IsEqualTo(FaultCode.Unauthenticated);
        await Assert.That(fault.Message).IsEqualTo($"expected agent/vega at 127.0.0.1:{server.Endpoints[0].Port}, got agent/orion");
    }

    [Test]
    public async Task A_server_of_another_fleet_is_not_believed()
    {
        using var other = new TestFleet();
        await using var server = await TestServer.AgentAsync(other);
        using var channel = _fleet.Call(server, "agent/orion", _fleet.Issue("master/mcp-master"));
        var fault = await FailAsync(channel);
        await Assert.That(fault.Code).IsEqualTo(FaultCode.Unauthenticated);
        await Assert.That(fault.Message).EndsWith("is not of this fleet");
    }

    [Test]
    public async Task An_expired_server_and_a_wrong_clock_are_told_apart()
    {
        await using var expired = await TestServer.AgentAsync(_fleet, credentials: _fleet.Issue("agent/orion", daysAgo: 120));
        using (var channel = _fleet.Call(expired, "agent/orion", _fleet.Issue("master/mcp-master")))
        {
            var fault = await FailAsync(channel);
            await Assert.That(fault.Message).Contains("has expired");
            await Assert.That(fault.Describe()).Contains("clock");
        }
        await using var server = await TestServer.AgentAsync(_fleet);
        using var early = _fleet.Call(server, "agent/orion", _fleet.Issue("master/mcp-master"), new TestClock { Offset = TimeSpan.FromDays(-400) });
        var skewed = await FailAsync(early);
        await Assert.That(skewed.Message).Contains("is not valid yet");
        await Assert.That(skewed.Hint!).Contains("date -u");
    }

    [Test]
    public async Task Fallback_addresses_are_tried_in_order_and_all_causes_told()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        var dead = DeadAddress();
        var orion = TestFleet.Who("agent/orion");
        using (var channel = PeerChannel.Open([dead, $"127.0.0.1:{server.Endpoints[0].Port}"], orion, _fleet.Issue("human/admin"), _fleet.Trust, TestFleet.Domain, TimeProvider.System))
            await Assert.That((await new McpAgentService.McpAgentServiceClient(channel).NodeStatusAsync(new())).Name).IsEqualTo("human/admin");

        var dead2 = DeadAddress();
        using var none = PeerChannel.Open([dead, dead2], orion, _fleet.Issue("human/admin"), _fleet.Trust, TestFleet.Domain, TimeProvider.System);
        var fault = await FailAsync(none);
        await Assert.That(fault.Code).IsEqualTo(FaultCode.Unavailable);
        await Assert.That(fault.Message).IsEqualTo($"agent/orion at {dead} or {dead2} cannot be reached");
        await Assert.That(fault.Cause!).Contains(dead).And.Contains(dead2);
    }

    [Test]
    public async Task Malformed_addresses_are_refused_at_once()
    {
        foreach (var bad in new[] { "", "host", "host:", "host:0", "host:65536", "fd00::1:9444", ":9444" })
        {
            await Assert.That(() => PeerChannel.Open([bad], Principal.TheMaster, null, _fleet.Trust, TestFleet.Domain, TimeProvider.System)).Throws<McpException>();
        }
    }

    [Test]
    public async Task Cancellation_stays_cancellation_and_a_call_has_a_deadline()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        using var channel = _fleet.Call(server, "agent/orion", _fleet.Issue("human/admin"));
        var client = new McpAgentService.McpAgentServiceClient(channel);
        using var stop = new CancellationTokenSource();
        using var stream = client.Events(new(), cancellationToken: stop.Token);
        await stream.ResponseStream.MoveNext(stop.Token);
        var next = stream.ResponseStream.MoveNext(stop.Token);
        await stop.CancelAsync();
        await Assert.That(async () => await next).Throws<OperationCanceledException>();

        using var late = client.Events(new(), deadline: DateTime.UtcNow.AddMilliseconds(300));
        await late.ResponseStream.MoveNext(default);
        var fault = await Assert.That(async () => await late.ResponseStream.MoveNext(default)).Throws<McpException>();
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.DeadlineExceeded);
    }

    [Test]
    public async Task A_joiner_learns_the_fleet_only_from_the_right_master()
    {
        await using var master = await MasterAsync(_fleet, "master/mcp-master");
        var address = $"127.0.0.1:{master.Endpoints[0].Port}";
        var fleet = await PinnedFleet.FetchAsync(address, _fleet.Authority.RootSha256, TimeProvider.System, CancellationToken.None);
        await Assert.That(fleet.Domain).IsEqualTo(TestFleet.Domain);
        using var channel = PeerChannel.Open([address], Principal.TheMaster, null, new(fleet.Trust), fleet.Domain, TimeProvider.System);
        var joined = await Assert.That(async () => await new McpMasterService.McpMasterServiceClient(channel).JoinAsync(new())).Throws<McpException>();
        await Assert.That(joined!.Code).IsEqualTo(FaultCode.Unimplemented);

        using var other = new TestFleet();
        var wrongPin = await Assert.That(async () => await PinnedFleet.FetchAsync(address, other.Authority.RootSha256, TimeProvider.System, CancellationToken.None)).Throws<McpException>();
        await Assert.That(wrongPin!.Message).Contains("another fleet");

        // A node of the same fleet that took the master's address: the root is right, the identity is not.
        await using var impostor = await MasterAsync(_fleet, "agent/orion");
        var refused = await Assert.That(async () => await PinnedFleet.FetchAsync(
            $"127.0.0.1:{impostor.Endpoints[0].Port}", _fleet.Authority.RootSha256, TimeProvider.System, CancellationToken.None)).Throws<McpException>();
        await Assert.That(refused!.Message).Contains("agent/orion");
    }

    [Test]
    public async Task One_address_in_use_does_not_stop_the_others_and_is_taken_when_free()
    {
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var taken = $"127.0.0.1:{((IPEndPoint)holder.LocalEndpoint).Port}";
        var refused = await Assert.That(async () => await TestServer.AgentAsync(_fleet, addresses: [taken])).Throws<McpException>();
        await Assert.That(refused!.Hint!).Contains("ss -ltnp");

        await using var server = await TestServer.AgentAsync(_fleet, addresses: [taken, "127.0.0.1:0"]);
        await Assert.That(server.Endpoints.Count).IsEqualTo(1);
        await Assert.That(server.Problems.Single()).StartsWith(taken);
        using var channel = _fleet.Call(server, "agent/orion", _fleet.Issue("human/admin"));
        await new McpAgentService.McpAgentServiceClient(channel).NodeStatusAsync(new());
        holder.Stop();
        for (var i = 0; i < 1000 && server.Endpoints.Count < 2; i++)
            await Task.Delay(10);
        await Assert.That(server.Endpoints.Count).IsEqualTo(2);
        await Assert.That(server.Problems).IsEmpty();
    }

    [Test]
    public async Task An_address_that_does_not_exist_yet_is_bound_already()
    {
        // TEST-NET-1 (RFC 5737): no machine has it.
        await using var server = await TestServer.AgentAsync(_fleet, addresses: ["192.0.2.77:0"]);
        await Assert.That(server.Problems).IsEmpty();
    }

    [Test]
    public async Task Listen_addresses_are_read_strictly()
    {
        await Assert.That(ListenAddress.Parse(":9444").Port).IsEqualTo(9444);
        await Assert.That(ListenAddress.Parse("10.0.0.7:9444").ToString()).IsEqualTo("10.0.0.7:9444");
        await Assert.That(ListenAddress.Parse("[fd00::7]:9444").ToString()).IsEqualTo("[fd00::7]:9444");
        foreach (var bad in new[] { "", "9444", "10.0.0.7", "fd00::7", "fd00::7:9444", "host:9444", ":65536", "10.0.0.7:", "[fd00::7]" })
            await Assert.That(() => ListenAddress.Parse(bad)).Throws<McpException>();
    }

    private static Task<RoleServer> MasterAsync(TestFleet fleet, string identity) => TestServer.StartAsync(TestServer.Options(
        fleet, identity, MasterMethods.Table,
        e => Microsoft.AspNetCore.Builder.GrpcEndpointRouteBuilderExtensions.MapGrpcService<RootMaster>(e), services: s => Microsoft.Extensions.DependencyInjection.ServiceCollectionServiceExtensions.AddSingleton(s, new RootMaster(fleet.Authority.RootDer))));

    private static string DeadAddress()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return $"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
    }

    private static async Task<McpException> FailAsync(PeerChannel channel) =>
        (await Assert.That(async () => await new McpAgentService.McpAgentServiceClient(channel).NodeStatusAsync(new())).Throws<McpException>())!;

    private sealed class RootMaster(byte[] der) : McpMasterService.McpMasterServiceBase
    {
        public override Task<FleetRootResponse> FleetRoot(FleetRootRequest request, Grpc.Core.ServerCallContext context) =>
            Task.FromResult(new FleetRootResponse { Der = Google.Protobuf.ByteString.CopyFrom(der) });
    }
}
