using Google.Protobuf;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Master.Reading;
using Mcp.V1;

namespace Mcp.Tests.Master;

public class JoiningTests
{
    [Test]
    public async Task A_token_makes_a_principal_and_its_name_comes_from_the_masters_row()
    {
        using var bench = new IdentityBench();
        using var key = IdentityKey.Create();
        var answer = bench.Join(bench.InviteOperator("alice").Token, key);
        bench.Directory.Reload();
        await Assert.That(Credential.From(key, answer.ChainPem.Span, "test").Uri).IsEqualTo("spiffe://fleet.example/human/alice");
        await Assert.That(bench.Directory.FindOperator("alice")).IsNotNull();
    }

    [Test]
    public async Task Before_the_login_an_operator_is_nobody()
    {
        using var bench = new IdentityBench();
        bench.InviteOperator("alice");
        bench.Directory.Reload();
        await Assert.That(bench.Directory.FindOperator("alice")).IsNull();
        await Assert.That(bench.Directory.IsJoinOpen).IsTrue();
        bench.Clock.Advance(TimeSpan.FromMinutes(61));
        await Assert.That(bench.Directory.IsJoinOpen).IsFalse();
    }

    [Test]
    public async Task The_same_key_gets_the_same_answer_until_the_token_expires()
    {
        using var bench = new IdentityBench();
        using var key = IdentityKey.Create();
        var token = bench.InviteOperator("alice").Token;
        var first = bench.Join(token, key);
        bench.Clock.Advance(TimeSpan.FromMinutes(59));
        await Assert.That(bench.Join(token, key)).IsEqualTo(first);
        bench.Clock.Advance(TimeSpan.FromMinutes(2));
        var late = Assert.Throws<McpException>(() => bench.Join(token, key));
        await Assert.That(late!.Code).IsEqualTo(FaultCode.Unauthenticated);
    }

    [Test]
    public async Task Another_key_is_refused_and_becomes_a_finding()
    {
        using var bench = new IdentityBench();
        using var key = IdentityKey.Create();
        using var other = IdentityKey.Create();
        var token = bench.Nodes.Add(new NodeAddRequest { Name = "orion", Role = "worker" }, "human/root").Token;
        bench.Join(token, key);
        var fault = Assert.Throws<McpException>(() => bench.Join(token, other));
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.Unauthenticated);
        var finding = bench.Database.Read(FindingStore.All).Single();
        await Assert.That(finding.Kind).IsEqualTo("join token reused");
        await Assert.That(finding.Node).IsEqualTo("orion");
        // The first key is not harmed by it.
        bench.Join(token, key);
    }

    [Test]
    [Arguments("mcpj1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [Arguments("")]
    [Arguments("not a token")]
    public async Task An_unknown_token_is_refused(string token)
    {
        using var bench = new IdentityBench();
        using var key = IdentityKey.Create();
        bench.InviteOperator("alice");
        var fault = Assert.Throws<McpException>(() => bench.Joining.Join(new JoinRequest { Token = token, CsrDer = ByteString.CopyFrom(key.CreateRequest()) }));
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.Unauthenticated);
    }

    [Test]
    public async Task A_newer_token_ends_the_older_one()
    {
        using var bench = new IdentityBench();
        using var key = IdentityKey.Create();
        var older = bench.InviteOperator("alice").Token;
        bench.InviteOperator("alice");
        await Assert.That(Assert.Throws<McpException>(() => bench.Join(older, key))!.Code).IsEqualTo(FaultCode.Unauthenticated);
    }

    [Test]
    public async Task Joining_again_retires_the_certificates_from_before()
    {
        using var bench = new IdentityBench();
        using var old = IdentityKey.Create();
        using var @new = IdentityKey.Create();
        var before = bench.Join(bench.InviteOperator("alice").Token, old);
        bench.Join(bench.InviteOperator("alice").Token, @new);
        bench.Directory.Reload();
        var caller = bench.Caller("human/alice", old, before.ChainPem.Span);
        await Assert.That(bench.Directory.IsRevoked(caller.Principal!, caller.Serial)).IsTrue();
    }

    [Test]
    public async Task A_removed_operator_is_revoked_and_an_old_certificate_never_comes_back_to_life()
    {
        using var bench = new IdentityBench();
        using var key = IdentityKey.Create();
        using var second = IdentityKey.Create();
        using var root = IdentityKey.Create();
        bench.Join(bench.InviteOperator("root").Token, root);
        var old = bench.Join(bench.InviteOperator("alice").Token, key);
        bench.Operators.Remove("alice", "human/root");
        bench.Directory.Reload();
        var caller = bench.Caller("human/alice", key, old.ChainPem.Span);
        await Assert.That(bench.Directory.IsRevoked(caller.Principal!, caller.Serial)).IsTrue();
        var revision = bench.Directory.Revision;
        var back = bench.Join(bench.InviteOperator("alice").Token, second);
        bench.Directory.Reload();
        var anew = bench.Caller("human/alice", second, back.ChainPem.Span);
        await Assert.That(bench.Directory.Revision).IsGreaterThan(revision);
        await Assert.That(bench.Directory.IsRevoked(anew.Principal!, anew.Serial)).IsFalse();
        await Assert.That(bench.Directory.IsRevoked(caller.Principal!, caller.Serial)).IsTrue();
    }

    [Test]
    public async Task The_last_admin_cannot_be_removed()
    {
        using var bench = new IdentityBench();
        using var key = IdentityKey.Create();
        bench.Join(bench.InviteOperator("alice").Token, key);
        await Assert.That(Assert.Throws<McpException>(() => bench.Operators.Remove("alice", "human/alice"))!.Code).IsEqualTo(FaultCode.FailedPrecondition);
    }
}
