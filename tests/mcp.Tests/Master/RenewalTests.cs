using Mcp.Certificates;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Tests.Master;

public class RenewalTests
{
    [Test]
    public async Task Old_and_new_key_are_honoured_until_the_new_one_is_seen()
    {
        using var bench = new IdentityBench();
        using var old = IdentityKey.Create();
        using var @new = IdentityKey.Create();
        var joined = JoinNode(bench, "orion", old);
        var caller = bench.Caller("agent/orion", old, joined.ChainPem.Span);
        var renewed = bench.Renew(caller, @new);
        bench.Directory.Reload();
        // The answer may have been lost: the old key asks again, and works on.
        bench.Renew(caller, @new);
        await Assert.That(bench.Seen.Saw(caller)).IsFalse();
        await Assert.That(bench.Directory.IsRevoked(caller.Principal!, caller.Serial)).IsFalse();

        var fresh = bench.Caller("agent/orion", @new, renewed.ChainPem.Span);
        await Assert.That(bench.Seen.Saw(fresh)).IsTrue();
        await Assert.That(bench.Directory.IsRevoked(caller.Principal!, caller.Serial)).IsTrue();
        await Assert.That(bench.Directory.IsRevoked(fresh.Principal!, fresh.Serial)).IsFalse();
        await Assert.That(Assert.Throws<McpException>(() => bench.Renew(caller, @new))!.Code).IsEqualTo(FaultCode.Unauthenticated);
    }

    [Test]
    public async Task A_node_that_was_off_for_a_year_comes_back_by_itself()
    {
        using var bench = new IdentityBench();
        using var key = IdentityKey.Create();
        using var next = IdentityKey.Create();
        var joined = JoinNode(bench, "orion", key);
        bench.Clock.Advance(TimeSpan.FromDays(365));
        var answer = bench.Renew(bench.Caller("agent/orion", key, joined.ChainPem.Span), next);
        await Assert.That(answer.ChainPem.Length).IsGreaterThan(0);
    }

    [Test]
    public async Task A_removed_node_does_not_come_back()
    {
        using var bench = new IdentityBench();
        using var key = IdentityKey.Create();
        var joined = JoinNode(bench, "orion", key);
        bench.Nodes.Remove(new NodeRemoveRequest { Name = "orion" }, "human/root");
        var fault = Assert.Throws<McpException>(() => bench.Renew(bench.Caller("agent/orion", key, joined.ChainPem.Span), key));
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.Unauthenticated);
    }

    [Test]
    public async Task A_key_that_the_master_never_vouched_for_cannot_renew()
    {
        using var bench = new IdentityBench();
        using var key = IdentityKey.Create();
        using var stranger = IdentityKey.Create();
        var joined = JoinNode(bench, "orion", key);
        var caller = bench.Caller("agent/orion", key, joined.ChainPem.Span) with { KeySha256 = stranger.KeySha256 };
        await Assert.That(Assert.Throws<McpException>(() => bench.Renew(caller, key))!.Code).IsEqualTo(FaultCode.Unauthenticated);
    }

    [Test]
    public async Task One_key_is_one_principals()
    {
        using var bench = new IdentityBench();
        using var orion = IdentityKey.Create();
        using var vega = IdentityKey.Create();
        var joined = JoinNode(bench, "orion", orion);
        JoinNode(bench, "vega", vega);
        var fault = Assert.Throws<McpException>(() => bench.Renew(bench.Caller("agent/orion", orion, joined.ChainPem.Span), vega));
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.InvalidArgument);
    }

    [Test]
    [Arguments(119, true)]
    [Arguments(121, false)]
    public async Task A_persons_certificate_may_be_renewed_until_ninety_days_after_its_end(int days, bool allowed)
    {
        using var bench = new IdentityBench();
        using var key = IdentityKey.Create();
        using var next = IdentityKey.Create();
        var joined = bench.Join(bench.InviteOperator("alice").Token, key);
        bench.Clock.Advance(TimeSpan.FromDays(days));
        var caller = bench.Caller("human/alice", key, joined.ChainPem.Span);
        if (allowed)
            await Assert.That(bench.Renew(caller, next).ChainPem.Length).IsGreaterThan(0);
        else
            await Assert.That(Assert.Throws<McpException>(() => bench.Renew(caller, next))!.Code).IsEqualTo(FaultCode.FailedPrecondition);
    }

    [Test]
    public async Task A_persons_chain_of_renewals_ends_180_days_after_the_login()
    {
        using var bench = new IdentityBench();
        var key = IdentityKey.Create();
        var chain = bench.Join(bench.InviteOperator("alice").Token, key).ChainPem;
        var login = bench.Clock.GetUtcNow();
        for (var round = 0; round < 8; round++)
        {
            bench.Clock.Advance(TimeSpan.FromDays(20));
            var next = IdentityKey.Create();
            chain = bench.Renew(bench.Caller("human/alice", key, chain.Span), next).ChainPem;
            key = next;
            bench.Seen.Saw(bench.Caller("human/alice", key, chain.Span));
        }
        var last = bench.Caller("human/alice", key, chain.Span);
        await Assert.That(last.NotAfter!.Value).IsLessThanOrEqualTo(login.AddDays(180));
        bench.Clock.Advance(TimeSpan.FromDays(21));
        await Assert.That(Assert.Throws<McpException>(() => bench.Renew(last, IdentityKey.Create()))!.Code).IsEqualTo(FaultCode.FailedPrecondition);
    }

    private static JoinResponse JoinNode(IdentityBench bench, string name, IdentityKey key) =>
        bench.Join(bench.Nodes.Add(new NodeAddRequest { Name = name, Role = "worker" }, "human/root").Token, key);
}
