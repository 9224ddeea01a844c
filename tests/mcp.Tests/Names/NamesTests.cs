using Mcp.Names;
using Microsoft.Extensions.Time.Testing;

namespace Mcp.Tests.Names;

internal sealed class NamesTests
{
    [Test]
    [Arguments("notes", true)]
    [Arguments("a", true)]
    [Arguments("a-b-9", true)]
    [Arguments("mcp-master", true)]
    [Arguments("mcpx", true)]
    [Arguments("", false)]
    [Arguments(null, false)]
    [Arguments("Notes", false)]
    [Arguments("a_b", false)]
    [Arguments("a.b", false)]
    [Arguments("a/b", false)]
    [Arguments("-a", false)]
    [Arguments("a-", false)]
    [Arguments("xn--bcher-kva", false)]
    [Arguments("nоtes", false)]
    [Arguments("a\n", false)]
    [Arguments("mcp", false)]
    [Arguments("mcp-agent", false)]
    [Arguments("list", false)]
    [Arguments("verify", false)]
    public async Task Service_names(string? text, bool good)
    {
        await Assert.That(ServiceName.TryParse(text, out var name, out var problem)).IsEqualTo(good);
        await Assert.That(problem is null).IsEqualTo(good);
        if (good)
            await Assert.That(name.Value).IsEqualTo(text);
    }

    [Test]
    public async Task A_label_has_at_most_63_characters()
    {
        await Assert.That(DnsLabel.IsValid(new string('a', 63))).IsTrue();
        await Assert.That(DnsLabel.IsValid(new string('a', 64))).IsFalse();
    }

    [Test]
    [Arguments("notes.example.org", true)]
    [Arguments("1.example.org", true)]
    [Arguments("example", false)]
    [Arguments("example.org.", false)]
    [Arguments(".example.org", false)]
    [Arguments("*.example.org", false)]
    [Arguments("10.0.0.1", false)]
    [Arguments("Example.org", false)]
    [Arguments("a..b", false)]
    public async Task Hostnames(string text, bool good) =>
        await Assert.That(Hostname.TryParse(text, out _, out _)).IsEqualTo(good);

    [Test]
    public async Task A_hostname_lies_under_whole_labels_only()
    {
        await Assert.That(Hostname.Parse("a.example.net").IsWithin("example.net")).IsTrue();
        await Assert.That(Hostname.Parse("example.net").IsWithin("example.net")).IsTrue();
        await Assert.That(Hostname.Parse("evilexample.net").IsWithin("example.net")).IsFalse();
        await Assert.That(Hostname.TryParse(string.Join('.', Enumerable.Repeat("abcdefg", 32)) + ".org", out _, out _)).IsFalse();
    }

    [Test]
    [Arguments("spiffe://x.net/human/alice", "human/alice")]
    [Arguments("spiffe://x.net/agent/orion", "agent/orion")]
    [Arguments("spiffe://x.net/master/mcp-master", "master/mcp-master")]
    [Arguments("spiffe://y.net/human/alice", null)]
    [Arguments("spiffe://x.net.evil/human/alice", null)]
    [Arguments("spiffe://x.net/root/alice", null)]
    [Arguments("spiffe://x.net/human/", null)]
    [Arguments("spiffe://x.net/human/a/b", null)]
    [Arguments("spiffe://x.net/human/Alice", null)]
    [Arguments("SPIFFE://x.net/human/alice", null)]
    public async Task Principals_come_from_exactly_one_form_of_uri(string uri, string? expected)
    {
        await Assert.That(Principal.TryParseUri(uri, "x.net", out var principal)).IsEqualTo(expected is not null);
        await Assert.That(principal?.ToString()).IsEqualTo(expected);
        if (principal is not null)
            await Assert.That(principal.ToUri("x.net")).IsEqualTo(uri);
    }

    [Test]
    public async Task Operation_ids_sort_by_time_and_others_are_refused()
    {
        var clock = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(60));
        var first = OperationId.New(clock);
        clock.Advance(TimeSpan.FromMilliseconds(2));
        await Assert.That(string.CompareOrdinal(first.Value, OperationId.New(clock).Value)).IsLessThan(0);
        await Assert.That(OperationId.TryParse(first.Value, out var again, out _)).IsTrue();
        await Assert.That(again).IsEqualTo(first);
        foreach (var bad in new[] { "", "short", "UPPERCASE", "with space", "a/b/c/d/e", new string('a', 65) })
            await Assert.That(OperationId.TryParse(bad, out _, out _)).IsFalse();
    }

    [Test]
    public async Task A_name_that_was_never_parsed_cannot_be_read() =>
        await Assert.That(() => default(ServiceName).Value).Throws<InvalidOperationException>();
}
