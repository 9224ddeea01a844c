using System.Text;
using Mcp.Errors;
using Mcp.Podman;

namespace Mcp.Tests.Podman;

/// <summary>Which login of an auth file belongs to which image.</summary>
internal sealed class RegistryAuthFileTests
{
    [Test]
    [Arguments("r.example/team/app:1", "team")]
    [Arguments("r.example/team/app@sha256:aa", "team")]
    [Arguments("r.example/team:5", "team")]
    [Arguments("r.example/teamwork/app:1", "all")]
    [Arguments("r.example:5000/app:1", "port")]
    [Arguments("r.example:5000/app", "port")]
    [Arguments("docker.io/library/x:1", "hub")]
    [Arguments("plain.example/x:1", "plain")]
    [Arguments("other.example/x:1", null)]
    public async Task The_most_specific_login_is_taken(string reference, string? user)
    {
        using var folder = new TemporaryFolder();
        Write(folder["auth.json"], $$"""
            {"auths": {"r.example": {"auth": "{{Pair("all")}}"}, "r.example/team": {"auth": "{{Pair("team")}}"}, "r.example:5000": {"auth": "{{Pair("port")}}"},
                       "https://index.docker.io/v1/": {"auth": "{{Pair("hub")}}"}, "plain.example": {"username": "plain", "password": "p:w"} } }
            """);
        var login = RegistryAuthFile.Find(folder["auth.json"], reference);
        await Assert.That(login?.Username).IsEqualTo(user);
        if (login is not null)
            await Assert.That(login.Password).IsEqualTo("p:w");
    }

    [Test]
    public async Task No_file_is_no_login()
    {
        using var folder = new TemporaryFolder();
        await Assert.That(RegistryAuthFile.Find(folder["auth.json"], "r/x:1")).IsNull();
    }

    [Test]
    public async Task A_file_that_others_can_read_is_refused_with_the_command()
    {
        using var folder = new TemporaryFolder();
        Write(folder["auth.json"], "{}");
        File.SetUnixFileMode(folder["auth.json"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        var failure = await Assert.That(() => RegistryAuthFile.Find(folder["auth.json"], "r/x:1")).Throws<McpException>();
        await Assert.That(failure!.Hint!).Contains("chmod 0600");
    }

    [Test]
    [Arguments("geheim{")]
    [Arguments("{\"auths\":{\"r\":{\"auth\":\"geheim!\"}}}")]
    [Arguments("{\"auths\":{\"r\":{\"auth\":\"Z2VoZWlt\"}}}")]
    [Arguments("{\"credHelpers\":{\"r\":\"geheim\"}}")]
    public async Task A_broken_file_is_refused_without_quoting_it(string content)
    {
        using var folder = new TemporaryFolder();
        Write(folder["auth.json"], content);
        var failure = await Assert.That(() => RegistryAuthFile.Find(folder["auth.json"], "r/x:1")).Throws<McpException>();
        await Assert.That(failure!.Describe()).DoesNotContain("geheim");
    }

    private static string Pair(string user) => Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:p:w"));

    private static void Write(string path, string content)
    {
        File.WriteAllText(path, content);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }
}
