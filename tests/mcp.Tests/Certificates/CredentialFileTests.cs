using System.Text;
using Mcp.Certificates;
using Mcp.Errors;
using Mcp.Names;

namespace Mcp.Tests.Certificates;

internal sealed class CredentialFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FleetAuthority _authority;

    public CredentialFileTests() =>
        _authority = FleetAuthority.Create(_folder["ca"], "fleet.example", "svc.fleet.example", [], TimeProvider.System);

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Dispose();
    }

    [Test]
    public async Task The_key_is_on_disk_before_the_call_and_the_same_after_a_kill()
    {
        var file = new CredentialFile(_folder["certs/agent.pem"]);
        using var first = file.PendingKey();
        await Assert.That(File.GetUnixFileMode(_folder["certs/agent.pem.next"])).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var second = new CredentialFile(_folder["certs/agent.pem"]).PendingKey();
        await Assert.That(second.KeySha256).IsEqualTo(first.KeySha256);
        await Assert.That(file.Exists).IsFalse();

        var issued = _authority.IssueIdentity(new(PrincipalKind.Agent, "orion"), first.CreateRequest(), Lifetimes.Machine);
        file.Install(first, issued.ChainPem);
        await Assert.That(Directory.GetFiles(_folder["certs"]).Select(f => Path.GetFileName(f)!)).IsEquivalentTo(["agent.pem"]);
        await Assert.That(File.GetUnixFileMode(file.Path)).IsEqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite);

        var loaded = file.Load();
        await Assert.That(loaded.KeySha256).IsEqualTo(first.KeySha256);
        await Assert.That(loaded.Serial).IsEqualTo(issued.Serial);
        await Assert.That(loaded.Uri).IsEqualTo("spiffe://fleet.example/agent/orion");
        await Assert.That(loaded.Intermediates.Count).IsEqualTo(1);
    }

    [Test]
    public async Task A_certificate_over_another_key_does_not_replace_the_old_identity()
    {
        var file = new CredentialFile(_folder["certs/agent.pem"]);
        using var key = file.PendingKey();
        file.Install(key, _authority.IssueIdentity(new(PrincipalKind.Agent, "orion"), key.CreateRequest(), Lifetimes.Machine).ChainPem);
        var before = await File.ReadAllTextAsync(file.Path);

        using var other = IdentityKey.Create();
        using var next = file.PendingKey();
        var wrong = _authority.IssueIdentity(new(PrincipalKind.Agent, "orion"), other.CreateRequest(), Lifetimes.Machine).ChainPem;
        await Assert.That(() => file.Install(next, wrong)).Throws<McpException>();
        await Assert.That(() => file.Install(next, Encoding.ASCII.GetBytes("nonsense"))).Throws<McpException>();
        await Assert.That(await File.ReadAllTextAsync(file.Path)).IsEqualTo(before);
        await Assert.That(File.Exists(file.Path + ".next")).IsTrue();
    }

    [Test]
    public async Task A_source_reloads_and_keeps_the_old_one_when_the_new_is_bad()
    {
        var file = new CredentialFile(_folder["certs/agent.pem"]);
        using var key = file.PendingKey();
        file.Install(key, _authority.IssueIdentity(new(PrincipalKind.Agent, "orion"), key.CreateRequest(), Lifetimes.Machine).ChainPem);
        var source = CredentialSource.Open(file);
        var first = source.Current.Serial;

        using var next = file.PendingKey();
        file.Install(next, _authority.IssueIdentity(new(PrincipalKind.Agent, "orion"), next.CreateRequest(), Lifetimes.Machine).ChainPem);
        source.Reload();
        var second = source.Current.Serial;
        await Assert.That(second).IsNotEqualTo(first);

        File.SetUnixFileMode(file.Path, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        await Assert.That(source.Reload).Throws<McpException>();
        await Assert.That(source.Current.Serial).IsEqualTo(second);
    }
}
