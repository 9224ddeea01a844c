using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Transport;
using Mcp.V1;

namespace Mcp.Tests.Transport;

/// <summary>Links that stall or break under open calls.</summary>
internal sealed class LinkTests : IDisposable
{
    private readonly TestFleet _fleet = new();

    public void Dispose() => _fleet.Dispose();

    [Test]
    public async Task A_peer_that_falls_silent_is_noticed_by_pings()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        using var relay = new Relay(server.Endpoints[0].Port);
        using var channel = PeerChannel.Open([relay.Address], TestFleet.Who("agent/orion"), _fleet.Issue("human/admin"), _fleet.Trust, TestFleet.Domain, TimeProvider.System);
        using var stream = new McpAgentService.McpAgentServiceClient(channel).Events(new());
        await stream.ResponseStream.MoveNext(default);
        relay.Stalled = true;
        // 4 s to the ping, 4 s for its answer; no reset ever arrives. The rest is this machine's load.
        var fault = await Assert.That(async () => await stream.ResponseStream.MoveNext(default).WaitAsync(TimeSpan.FromSeconds(60))).Throws<McpException>();
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.Unavailable);
        await Assert.That(((RpcException)fault.InnerException!).Trailers.Get(CallMetadata.Error)).IsNull();
    }

    [Test]
    public async Task A_refusal_and_a_silence_can_be_told_apart()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        using var channel = _fleet.Call(server, "agent/orion", _fleet.Issue("human/admin"));
        var spoken = await Assert.That(async () => await new McpAgentService.McpAgentServiceClient(channel).LiveCheckAsync(new())).Throws<McpException>();
        await Assert.That(((RpcException)spoken!.InnerException!).Trailers.Get(CallMetadata.Error)).IsNotNull();

        using var nobody = PeerChannel.Open(["127.0.0.1:1"], TestFleet.Who("agent/orion"), null, _fleet.Trust, TestFleet.Domain, TimeProvider.System);
        var silent = await Assert.That(async () => await new McpAgentService.McpAgentServiceClient(nobody).LiveCheckAsync(new())).Throws<McpException>();
        await Assert.That(((RpcException)silent!.InnerException!).Trailers.Get(CallMetadata.Error)).IsNull();
        var causes = new List<Exception>();
        for (var e = ((RpcException)silent.InnerException!).Status.DebugException; e is not null; e = e.InnerException)
            causes.Add(e);
        await Assert.That(causes.OfType<SocketException>().Select(s => s.SocketErrorCode)).IsEquivalentTo([SocketError.ConnectionRefused]);
    }

    [Test]
    public async Task A_stop_cuts_followers_when_patience_ends()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        using var channel = _fleet.Call(server, "agent/orion", _fleet.Issue("human/admin"));
        using var stream = new McpAgentService.McpAgentServiceClient(channel).Events(new());
        await stream.ResponseStream.MoveNext(default);
        var waiting = stream.ResponseStream.MoveNext(default);
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        var watch = Stopwatch.StartNew();
        await server.StopAsync(patience.Token);
        await Assert.That(watch.Elapsed).IsLessThan(TimeSpan.FromSeconds(25));
        await Assert.That(async () => await waiting).Throws<McpException>();
    }

    [Test]
    public async Task Others_users_may_not_use_the_socket()
    {
        await Assert.That(new LocalPeer(1, LocalPeer.EffectiveUser()).IsAllowed).IsTrue();
        await Assert.That(new LocalPeer(1, 0).IsAllowed).IsTrue();
        await Assert.That(new LocalPeer(1, LocalPeer.EffectiveUser() + 12_345).IsAllowed).IsFalse();
    }

    /// <summary>Passes bytes on to a server until it stalls: then it keeps both connections and passes nothing.</summary>
    private sealed class Relay : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _end = new();

        public Relay(int port)
        {
            _listener.Start();
            _ = AcceptAsync(port);
        }

        public volatile bool Stalled;

        public string Address => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

        public void Dispose()
        {
            _end.Cancel();
            _listener.Dispose();
            _end.Dispose();
        }

        private async Task AcceptAsync(int port)
        {
            try
            {
                while (true)
                {
                    var here = await _listener.AcceptSocketAsync(_end.Token);
                    var there = new Socket(SocketType.Stream, ProtocolType.Tcp);
                    await there.ConnectAsync(IPAddress.Loopback, port, _end.Token);
                    _ = PumpAsync(here, there);
                    _ = PumpAsync(there, here);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        }

        private async Task PumpAsync(Socket from, Socket to)
        {
            var buffer = new byte[16 * 1024];
            try
            {
                while (await from.ReceiveAsync(buffer, _end.Token) is > 0 and var n)
                {
                    if (!Stalled)
                        await to.SendAsync(buffer.AsMemory(0, n), _end.Token);
                }
                if (!Stalled)
                    to.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // Either side ended.
            }
        }
    }
}
