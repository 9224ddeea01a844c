using Mcp.Certificates;

namespace Mcp.Tests.Certificates;

internal sealed class JoinTokenTests
{
    private static readonly string Root = new('a', 64);

    [Test]
    public async Task A_token_reads_back_with_its_root_and_hash()
    {
        var token = JoinToken.New(Root);
        await Assert.That(JoinToken.TryParse($"  {token.Reveal()}\n", out var read)).IsTrue();
        await Assert.That(read!.RootSha256).IsEqualTo(Root);
        await Assert.That(read.SecretSha256).IsEqualTo(token.SecretSha256);
        await Assert.That(JoinToken.New(Root).SecretSha256).IsNotEqualTo(token.SecretSha256);
        await Assert.That(token.ToString()!).DoesNotContain(token.Reveal().Split('.')[1]);
    }

    [Test]
    public async Task What_is_not_a_token_is_refused()
    {
        var good = JoinToken.New(Root).Reveal();
        foreach (var bad in new[] { null, "", "mcpj1", good[..^1], good + "A", good + ".x", "mcpj2" + good[5..], good.Replace('.', ','), new string('x', 10_000) })
            await Assert.That(JoinToken.TryParse(bad, out _)).IsFalse();
    }
}
