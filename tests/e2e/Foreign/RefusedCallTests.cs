using Google.Protobuf;
using Mcp.Certificates;
using Mcp.EndToEnd.Harness;
using Mcp.V1;

namespace Mcp.EndToEnd.Foreign;

/// <summary>
/// The published master and agent against a client that is not ours: who may not call is told so with the right gRPC status, and the role's
/// log and audit name who tried what. One fleet serves all of it.
/// </summary>
internal sealed class RefusedCallTests
{
    private const string Master = "mcp.v1.McpMasterService", Agent = "mcp.v1.McpAgentService", Domain = "e2e.test";

    [Test]
    public async Task Whoever_may_not_call_is_refused_and_remembered()
    {
        await using var fleet = await SplitFleet.StartAsync();
        using var elsewhere = new TemporaryFolder();
        var human = fleet.PathOf("cli/human.pem");
        var node = Path.Combine(fleet.AgentHome, "certs/agent.pem");
        var stranger = await OtherFleetAsync(elsewhere);
        var (root, agentRoot) = (fleet.PathOf("cli/ca.pem"), Path.Combine(fleet.AgentHome, "certs/ca.pem"));
        var master = new ForeignCaller(fleet.MasterAddress, root, $"spiffe://{Domain}/master/mcp-master");
        var agent = new ForeignCaller(fleet.AgentAddress, agentRoot, $"spiffe://{Domain}/agent/{SplitFleet.Node}");

        // The client can speak with both when it may; what it is refused below is refused for who it is.
        await Assert.That((await master.CallAsync($"{Master}/ListNodes", credential: human)).Code).IsEqualTo("OK");
        var listed = ListNodesResponse.Parser.ParseFrom((await master.CallAsync($"{Master}/ListNodes", credential: human)).Message);
        await Assert.That(listed.Nodes.Single().Name).IsEqualTo(SplitFleet.Node);
        await Assert.That((await agent.CallAsync($"{Agent}/ListServices", credential: human)).Code).IsEqualTo("OK");
        await Assert.That((await master.CallAsync("grpc.health.v1.Health/Check", credential: node)).Code).IsEqualTo("OK");

        // No certificate: nothing is told, not even which methods exist.
        foreach (var (server, method) in new[]
        {
            (master, $"{Master}/ListNodes"), (master, $"{Master}/Deploy"), (master, "grpc.health.v1.Health/Check"), (master, $"{Master}/NoSuchMethod"),
            (agent, $"{Agent}/HealthCheck"), (agent, $"{Agent}/ListServices"),
        })
        {
            await RefusedAsync(server, method, null, null, "UNAUTHENTICATED", "a certificate of this fleet is needed");
        }

        // A certificate of another authority, whatever it calls itself.
        await RefusedAsync(master, $"{Master}/ListNodes", null, stranger, "UNAUTHENTICATED", "not one of this fleet's");
        await RefusedAsync(agent, $"{Agent}/HealthCheck", null, stranger, "UNAUTHENTICATED", "not one of this fleet's");

        // Known, but not for this.
        await RefusedAsync(master, $"{Master}/ListNodes", null, node, "PERMISSION_DENIED", $"agent/{SplitFleet.Node} may not call");
        await RefusedAsync(master, $"{Master}/Deploy", new DeployRequest { Service = new ServiceSpec { Name = "notes" } }, node, "PERMISSION_DENIED", "may not call");
        await RefusedAsync(agent, $"{Agent}/HealthCheck", new HealthCheckRequest(), human, "PERMISSION_DENIED", "human/admin may not call");
        var bee = await JoinAndRefuseOthersAsync(fleet, master);
        await RefusedAsync(master, $"{Master}/Register", new RegisterRequest { Name = SplitFleet.Node, Role = "worker", Address = "10.0.0.9:9444" }, bee,
            "PERMISSION_DENIED", "agent/bee may not speak for another node");
        await RefusedAsync(master, $"{Master}/Heartbeat", new HeartbeatRequest { Name = SplitFleet.Node }, bee, "PERMISSION_DENIED", "may not speak for another node");

        // What is in no table does not exist: reflection, a method of the future, one of the other role.
        foreach (var method in new[] { "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", $"{Master}/NoSuchMethod", $"{Agent}/HealthCheck" })
            await RefusedAsync(master, method, null, human, "UNIMPLEMENTED", "does not exist here");

        // The operation id is a UUID or nothing.
        var malformed = await master.CallAsync($"{Master}/Stop", new LifecycleRequest { ServiceName = "notes" }, human, "--metadata", "mcp-operation=../../etc");
        await Assert.That(malformed.Code).IsEqualTo("INVALID_ARGUMENT").Because(malformed.ToString());

        await Wait.UntilAsync("the agent has written its refusals", async () =>
        {
            var events = await SqliteFile.ReadAsync(fleet.AgentDatabase, "SELECT message FROM events WHERE kind = 'denied'");
            return events.Contains("HealthCheck by human/admin from 127.0.0.1:", StringComparison.Ordinal) && events.Contains("HealthCheck by untrusted", StringComparison.Ordinal)
                && events.Contains("HealthCheck by none", StringComparison.Ordinal);
        });
        await UntilAuditedAsync(fleet, "none", "ListNodes", "Unauthenticated");
        await UntilAuditedAsync(fleet, "untrusted", "ListNodes", "Unauthenticated");
        await UntilAuditedAsync(fleet, $"agent/{SplitFleet.Node}", "ListNodes", "PermissionDenied");
        await UntilAuditedAsync(fleet, $"agent/{SplitFleet.Node}", "Deploy", "PermissionDenied");
        await UntilAuditedAsync(fleet, "agent/bee", "Register", "PermissionDenied");
        await UntilAuditedAsync(fleet, "agent/bee", "Heartbeat", "PermissionDenied");
        await UntilAuditedAsync(fleet, "human/admin", "ServerReflection", "Unimplemented");
        // The operator sees what was tried on a node without going there, and what was tried on the master in its log.
        var tried = (await fleet.RunAsync("events", "--audit", "--direct", "--node", SplitFleet.Node)).OrThrow();
        await Assert.That(tried.Output).Contains("HealthCheck by untrusted");
        await Assert.That(fleet.Master.Printed).Contains("agent/bee may not speak for another node");

        // TLS 1.3 or nothing; the log says who came with what.
        var old = await master.CallAsync($"{Master}/ListNodes", null, human, "--tls", "1.2");
        await Assert.That(old.Code).IsEqualTo("TLS").Because(old.ToString());
        await Assert.That(old.Details).Contains("ALERT_PROTOCOL_VERSION");
        await Wait.UntilAsync("the master says that a peer came with TLS 1.2", () =>
            Task.FromResult(fleet.Master.Printed.Contains("no TLS 1.3", StringComparison.Ordinal)), otherwise: () => Task.FromResult(fleet.Master.Printed));

        // After all of this the node is as healthy as before.
        await fleet.UntilHealthyAsync();
    }

    /// <summary>A node named bee joins by the foreign client: a token serves one key for one hour. Returns bee's credential.</summary>
    private static async Task<string> JoinAndRefuseOthersAsync(SplitFleet fleet, ForeignCaller master)
    {
        using var key = IdentityKey.Create();
        using var other = IdentityKey.Create();
        var token = (await fleet.RunAsync("node", "add", "bee", "--role", "worker")).OrThrow().Output.Trim();

        // Used as it is meant: by one key, as often as that one asks.
        var joined = await master.CallAsync($"{Master}/Join", Joining(token, key));
        await Assert.That(joined.Code).IsEqualTo("OK").Because(joined.ToString());
        var answer = JoinResponse.Parser.ParseFrom(joined.Message);
        await Assert.That(answer.Name).IsEqualTo("bee");
        await Assert.That((await master.CallAsync($"{Master}/Join", Joining(token, key))).Message).IsEquivalentTo(joined.Message);

        // Replayed by somebody who saw it.
        await RefusedAsync(master, $"{Master}/Join", Joining(token, other), null, "UNAUTHENTICATED", "used already, by another key");
        await UntilAuditedAsync(fleet, "none", "Join", "Unauthenticated");
        await Assert.That((await fleet.RunAsync("status", "--json")).Output).Contains("join token reused");

        // Late. The master keeps the end of a token as a time in its row: it is moved back, which is what an hour's waiting would come to.
        // The other token keeps the door open, so that it is the token's own time that counts.
        var late = (await fleet.RunAsync("node", "add", "cow", "--role", "worker")).OrThrow().Output.Trim();
        await SqliteFile.WriteAsync(fleet.MasterDatabase, "UPDATE join_tokens SET expires_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-1 second') WHERE name = 'cow'");
        await RefusedAsync(master, $"{Master}/Join", Joining(late, other), null, "UNAUTHENTICATED", "expired at");

        // Never given.
        await RefusedAsync(master, $"{Master}/Join", Joining(new string('x', 40), other), null, "UNAUTHENTICATED", "is not known");

        var credential = fleet.PathOf("bee.pem");
        await File.WriteAllTextAsync(credential, key.ToPem() + answer.ChainPem.ToStringUtf8());
        return credential;
    }

    private static JoinRequest Joining(string token, IdentityKey key) => new()
    {
        Token = token,
        CsrDer = ByteString.CopyFrom(key.CreateRequest()),
        Address = "127.0.0.1:1",
        Arch = "amd64",
        Version = "0.0.0",
    };

    /// <summary>A credential of another fleet, whose principal has the name of this one's master.</summary>
    private static async Task<string> OtherFleetAsync(TemporaryFolder folder)
    {
        var home = folder.PathOf("mcp-master");
        (await PublishedBinary.RunAsync(["master", "init", "--domain", Domain, "--address", "127.0.0.1:1", "--home", home])).OrThrow();
        return Path.Combine(home, "certs/master.pem");
    }

    private static async Task RefusedAsync(ForeignCaller server, string method, IMessage? request, string? credential, string code, string words)
    {
        var answer = await server.CallAsync(method, request, credential);
        await Assert.That(answer.Code).IsEqualTo(code).Because($"{method}: {answer}");
        await Assert.That(answer.Details).Contains(words);
    }

    private static Task UntilAuditedAsync(SplitFleet fleet, string principal, string method, string outcome) => Wait.UntilAsync(
        $"the master's audit has {method} by {principal}: {outcome}",
        async () => await SqliteFile.ReadAsync(fleet.MasterDatabase, $"SELECT count(*) FROM audit WHERE principal = '{principal}' AND method LIKE '%{method}%' AND outcome = '{outcome}'") != "0",
        otherwise: () => Task.FromResult(fleet.Master.Printed));
}
