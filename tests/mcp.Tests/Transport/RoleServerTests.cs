using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Grpc.Core;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Tests.Certificates;
using Mcp.Transport;
using Mcp.V1;
using Microsoft.Extensions.DependencyInjection;

namespace Mcp.Tests.Transport;

internal sealed class RoleServerTests : IDisposable
{
    private readonly TestFleet _fleet = new();
    private readonly TemporaryFolder _folder = new();
    private readonly TestDirectory _directory = new();
    private readonly TestAudit _audit = new();

    public void Dispose()
    {
        _fleet.Dispose();
        _folder.Dispose();
    }

    [Test]
    public async Task An_error_arrives_whole_and_every_answer_carries_the_version()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        using var channel = Open(server, "human/admin");
        var client = new McpAgentService.McpAgentServiceClient(channel);
        using var call = client.NodeStatusAsync(new());
        var headers = await call.ResponseHeadersAsync;
        await Assert.That(headers.GetValue("mcp-version")).IsEqualTo("9.9.9");
        await Assert.That(headers.GetValue("mcp-features")).IsEqualTo("a,b");
        await Assert.That((await call).Name).IsEqualTo("human/admin");

        var fault = await Assert.That(async () => await client.LiveCheckAsync(new())).Throws<McpException>();
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.FailedPrecondition);
        await Assert.That(fault.Message).IsEqualTo("it cannot be done");
        await Assert.That((fault.Node, fault.Step, fault.Cause, fault.Hint, fault.State))
            .IsEqualTo(("orion", "stop", "podman said no", "mcp status notes", "nothing was changed"));
        // Shortened to what trailers may hold, never lost.
        await Assert.That(fault.Problems.Count).IsGreaterThan(20);
        await Assert.That(fault.Problems[0].Line).IsEqualTo(1);
    }

    [Test]
    public async Task What_breaks_unexpectedly_keeps_its_words_to_itself()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        using var channel = Open(server, "human/admin");
        var fault = await Assert.That(async () => await new McpAgentService.McpAgentServiceClient(channel).ListDataAsync(new())).Throws<McpException>();
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.Internal);
        await Assert.That(fault.Describe()).DoesNotContain("swordfish");
        await Assert.That(fault.Message).Contains("reference ");
    }

    [Test]
    public async Task Only_the_master_is_believed_about_whom_it_acts_for()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        var headers = new Metadata { { CallMetadata.OnBehalfOf, "human/alice" } };
        using var master = Open(server, "master/mcp-master");
        await Assert.That((await new McpAgentService.McpAgentServiceClient(master).NodeStatusAsync(new(), headers)).Name).IsEqualTo("human/alice");
        using var person = Open(server, "human/deploy");
        await Assert.That((await new McpAgentService.McpAgentServiceClient(person).NodeStatusAsync(new(), headers)).Name).IsEqualTo("human/deploy");
    }

    [Test]
    public async Task Denials_changes_and_readings_of_secrets_are_audited()
    {
        await using var server = await TestServer.AgentAsync(_fleet, _directory, _audit);
        using (var stranger = Open(server, null))
            await FailsAsync(stranger, FaultCode.Unauthenticated, c => c.NodeStatusAsync(new()));
        using (var scoped = Open(server, "human/scoped"))
        {
            var client = new McpAgentService.McpAgentServiceClient(scoped);
            await client.NodeStatusAsync(new());
            var headers = new Metadata { { CallMetadata.Operation, "operation-1" } };
            await Assert.That(async () => await client.StopServiceAsync(new() { Service = "secret\u001b[2J" }, headers)).Throws<McpException>();
            await Assert.That(async () => await client.StopServiceAsync(new() { Service = "notes" }, headers)).Throws<McpException>();
        }
        var rows = _audit.Rows.Select(r => (r.Principal, Method: r.Method.Split('/')[1], r.Outcome, r.Service, r.Operation)).ToList();
        await Assert.That(rows).IsEquivalentTo(
        [
            ("none", "NodeStatus", "Unauthenticated", null, null),
            ("human/scoped", "StopService", "PermissionDenied", "secret\\u{1b}[2J", "operation-1"),
            ("human/scoped", "StopService", "Unimplemented", "notes", (string?)"operation-1"),
        ]);
        await Assert.That(_audit.Rows.All(r => r.Peer.StartsWith("127.0.0.1:", StringComparison.Ordinal))).IsTrue();
    }

    [Test]
    public async Task A_stream_may_not_change_its_service_half_way()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        using var channel = Open(server, "human/scoped");
        var client = new McpAgentService.McpAgentServiceClient(channel);
        using (var good = client.PushFile())
        {
            await good.RequestStream.WriteAsync(new() { Start = new() { Service = "notes" } });
            await good.RequestStream.WriteAsync(new() { Data = Google.Protobuf.ByteString.CopyFrom(1, 2, 3) });
            await good.RequestStream.CompleteAsync();
            await Assert.That((await good).Bytes).IsEqualTo(3ul);
        }
        using (var turncoat = client.PushFile())
        {
            await turncoat.RequestStream.WriteAsync(new() { Start = new() { Service = "notes" } });
            await turncoat.RequestStream.WriteAsync(new() { Start = new() { Service = "mail" } });
            var refused = await Assert.That(async () => await turncoat.ResponseAsync.WaitAsync(TimeSpan.FromSeconds(30))).Throws<McpException>();
            await Assert.That(refused!.Code).IsEqualTo(FaultCode.PermissionDenied);
        }
        using var headless = client.PushFile();
        await headless.RequestStream.WriteAsync(new() { Data = Google.Protobuf.ByteString.CopyFrom(1) });
        var invalid = await Assert.That(async () => await headless.ResponseAsync.WaitAsync(TimeSpan.FromSeconds(30))).Throws<McpException>();
        await Assert.That(invalid!.Code).IsEqualTo(FaultCode.InvalidArgument);
    }

    [Test]
    public async Task Unknown_methods_exist_for_nobody_and_strangers_do_not_learn_it()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        var raw = Marshallers.Create<byte[]>(b => b, b => b);
        foreach (var (service, name) in new[] { ("mcp.v1.McpAgentService", "Nope"), ("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo"), ("x", "y") })
        {
            foreach (var type in new[] { MethodType.Unary, MethodType.ServerStreaming })
            {
                foreach (var (who, code) in new[] { ("human/admin", FaultCode.Unimplemented), (null, FaultCode.Unauthenticated) })
                {
                    using var channel = Open(server, who);
                    var method = new Method<byte[], byte[]>(type, service, name, raw, raw);
                    var fault = await Assert.That(async () =>
                    {
                        if (type == MethodType.Unary)
                            await channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, []);
                        else
                            await channel.CreateCallInvoker().AsyncServerStreamingCall(method, null, default, []).ResponseStream.MoveNext(default);
                    }).Throws<McpException>();
                    await Assert.That(fault!.Code).IsEqualTo(code);
                }
            }
        }
    }

    [Test]
    public async Task Revocation_cuts_an_open_stream_and_refuses_the_next_call()
    {
        await using var server = await TestServer.AgentAsync(_fleet, _directory);
        using var alice = Open(server, "human/deploy");
        using var bob = Open(server, "human/admin");
        using var cut = new McpAgentService.McpAgentServiceClient(alice).Events(new());
        using var kept = new McpAgentService.McpAgentServiceClient(bob).Events(new());
        await Assert.That(await cut.ResponseStream.MoveNext(default)).IsTrue();
        await Assert.That(await kept.ResponseStream.MoveNext(default)).IsTrue();
        await Assert.That(server.Connections.IsConnected(new(PrincipalKind.Human, "deploy"))).IsTrue();

        var waiting = cut.ResponseStream.MoveNext(default);
        _directory.Revoked["human/deploy"] = true;
        await Assert.That(server.Connections.CutRevoked(_directory)).IsEqualTo(1);
        await Assert.That(async () => await waiting.WaitAsync(TimeSpan.FromSeconds(2))).Throws<McpException>();
        await FailsAsync(alice, FaultCode.Unauthenticated, c => c.NodeStatusAsync(new()));
        var stub = server.Services.GetRequiredService<StubAgent>();
        await UntilAsync(() => Volatile.Read(ref stub.Streams) == 1);
        await Assert.That(server.Connections.IsConnected(new(PrincipalKind.Human, "admin"))).IsTrue();
    }

    [Test]
    public async Task Register_and_heartbeat_have_budgets_that_strangers_cannot_spend()
    {
        await using var server = await TestServer.StartAsync(TestServer.Options(
            _fleet, "master/mcp-master", MasterMethods.Table, e => Microsoft.AspNetCore.Builder.GrpcEndpointRouteBuilderExtensions.MapGrpcService<BareMaster>(e)));
        async Task<FaultCode> RegisterAsync(string? who, string name)
        {
            using var channel = _fleet.Call(server, "master/mcp-master", who is null ? null : _fleet.Issue(who));
            var fault = await Assert.That(async () => await new McpMasterService.McpMasterServiceClient(channel).RegisterAsync(new() { Name = name })).Throws<McpException>();
            return fault!.Code;
        }

        for (var i = 0; i < 5; i++)
            await Assert.That(await RegisterAsync(null, "orion")).IsEqualTo(FaultCode.Unauthenticated);
        await Assert.That(await RegisterAsync("agent/vega", "orion")).IsEqualTo(FaultCode.PermissionDenied);
        // An agent that is restarted some times in a row is heard each time.
        for (var i = 0; i < CallLimits.RegisterBurst; i++)
            await Assert.That(await RegisterAsync("agent/orion", "orion")).IsEqualTo(FaultCode.Unimplemented);
        await Assert.That(await RegisterAsync("agent/orion", "orion")).IsEqualTo(FaultCode.ResourceExhausted);
        server.Limits.GrantRegister(new(PrincipalKind.Agent, "orion"));
        await Assert.That(await RegisterAsync("agent/orion", "orion")).IsEqualTo(FaultCode.Unimplemented);
        await Assert.That(await RegisterAsync("agent/orion", "orion")).IsEqualTo(FaultCode.ResourceExhausted);

        using var agent = _fleet.Call(server, "master/mcp-master", _fleet.Issue("agent/orion"));
        var client = new McpMasterService.McpMasterServiceClient(agent);
        await Assert.That((await Assert.That(async () => await client.HeartbeatAsync(new() { Name = "orion" })).Throws<McpException>())!.Code).IsEqualTo(FaultCode.Unimplemented);
        await Assert.That((await Assert.That(async () => await client.HeartbeatAsync(new() { Name = "orion" })).Throws<McpException>())!.Code).IsEqualTo(FaultCode.ResourceExhausted);
    }

    [Test]
    public async Task Failed_authentication_is_limited_by_address_and_known_callers_are_not()
    {
        await using var server = await TestServer.AgentAsync(_fleet, audit: _audit, failuresPerMinute: 3);
        using var stranger = Open(server, null);
        for (var i = 0; i < 3; i++)
            await FailsAsync(stranger, FaultCode.Unauthenticated, c => c.NodeStatusAsync(new()));
        await FailsAsync(stranger, FaultCode.ResourceExhausted, c => c.NodeStatusAsync(new()));
        await Assert.That(_audit.Rows.Count).IsEqualTo(3);
        using var known = Open(server, "human/admin");
        await new McpAgentService.McpAgentServiceClient(known).NodeStatusAsync(new());
    }

    [Test]
    public async Task Join_is_served_only_while_a_token_is_open()
    {
        await using var server = await TestServer.StartAsync(TestServer.Options(
            _fleet, "master/mcp-master", MasterMethods.Table, e => Microsoft.AspNetCore.Builder.GrpcEndpointRouteBuilderExtensions.MapGrpcService<BareMaster>(e), _directory));
        using var channel = _fleet.Call(server, "master/mcp-master", null);
        var client = new McpMasterService.McpMasterServiceClient(channel);
        async Task<FaultCode> JoinAsync() => (await Assert.That(async () => await client.JoinAsync(new())).Throws<McpException>())!.Code;
        _directory.IsJoinOpen = false;
        await Assert.That(await JoinAsync()).IsEqualTo(FaultCode.PermissionDenied);
        _directory.IsJoinOpen = true;
        await Assert.That(await JoinAsync()).IsEqualTo(FaultCode.Unimplemented);
    }

    [Test]
    public async Task A_plan_is_for_every_role_and_a_sync_is_not()
    {
        await using var server = await TestServer.StartAsync(TestServer.Options(
            _fleet, "master/mcp-master", MasterMethods.Table, e => Microsoft.AspNetCore.Builder.GrpcEndpointRouteBuilderExtensions.MapGrpcService<BareMaster>(e)));
        foreach (var who in new[] { "human/read", "human/scoped" })
        {
            using var channel = _fleet.Call(server, "master/mcp-master", _fleet.Issue(who));
            var client = new McpMasterService.McpMasterServiceClient(channel);
            await Assert.That((await Assert.That(async () => await client.SyncAsync(new() { DryRun = true })).Throws<McpException>())!.Code).IsEqualTo(FaultCode.Unimplemented);
            await Assert.That((await Assert.That(async () => await client.SyncAsync(new())).Throws<McpException>())!.Code).IsEqualTo(FaultCode.PermissionDenied);
        }
    }

    [Test]
    public async Task A_renewed_server_credential_is_presented_without_a_restart()
    {
        var credentials = _fleet.Issue("agent/orion");
        await using var server = await TestServer.AgentAsync(_fleet, credentials: credentials);
        using (var before = Open(server, "human/admin"))
            await new McpAgentService.McpAgentServiceClient(before).NodeStatusAsync(new());
        var old = await ServerSerialAsync(server);
        credentials.Replace(_fleet.Issue("agent/orion").Current);
        var renewed = await ServerSerialAsync(server);
        await Assert.That(renewed).IsNotEqualTo(old);
        await Assert.That(renewed).IsEqualTo(credentials.Current.Serial);
        using var after = Open(server, "human/admin");
        await new McpAgentService.McpAgentServiceClient(after).NodeStatusAsync(new());
    }

    [Test]
    public async Task A_renewed_client_credential_is_used_by_an_open_channel()
    {
        await using var server = await TestServer.AgentAsync(_fleet);
        var own = _fleet.Issue("human/admin");
        using var channel = _fleet.Call(server, "agent/orion", own);
        var client = new McpAgentService.McpAgentServiceClient(channel);
        await Assert.That((await client.NodeStatusAsync(new())).Name).IsEqualTo("human/admin");
        using var stream = client.Events(new());
        await stream.ResponseStream.MoveNext(default);
        own.Replace(_fleet.Issue("human/deploy").Current);
        await Assert.That((await client.NodeStatusAsync(new())).Name).IsEqualTo("human/deploy");
        // The stream on the old connection lives on.
        await Assert.That(stream.ResponseStream.Current.Kind).IsEqualTo("first");
        await Assert.That(server.Connections.Count).IsEqualTo(2);
    }

    [Test]
    public async Task A_certificate_that_ends_during_a_connection_is_refused_at_the_next_call()
    {
        var clock = new TestClock();
        await using var server = await TestServer.AgentAsync(_fleet, clock: clock);
        using var channel = Open(server, "human/admin");
        var client = new McpAgentService.McpAgentServiceClient(channel);
        await client.NodeStatusAsync(new());
        clock.Offset = TimeSpan.FromDays(31);
        await FailsAsync(channel, FaultCode.Unauthenticated, c => c.NodeStatusAsync(new()));
        clock.Offset = TimeSpan.Zero;
        await client.NodeStatusAsync(new());
    }

    private PeerChannel Open(RoleServer server, string? who) => _fleet.Call(server, "agent/orion", who is null ? null : _fleet.Issue(who));

    private static async Task FailsAsync(PeerChannel channel, FaultCode code, Func<McpAgentService.McpAgentServiceClient, AsyncUnaryCall<NodeStatusResponse>> call)
    {
        var fault = await Assert.That(async () => await call(new(channel))).Throws<McpException>();
        await Assert.That(fault!.Code).IsEqualTo(code);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 500 && !condition(); i++)
            await Task.Delay(10);
        await Assert.That(condition()).IsTrue();
    }

    private static async Task<string> ServerSerialAsync(RoleServer server)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, server.Endpoints[0].Port);
        string? serial = null;
        using var tls = new SslStream(socket.GetStream(), false, (_, certificate, _, _) =>
        {
            serial = Mcp.Certificates.CertificateNames.Serial((System.Security.Cryptography.X509Certificates.X509Certificate2)certificate!);
            return serial.Length > 0;
        });
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "x",
            EnabledSslProtocols = SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
        });
        return serial!;
    }
}
