using System.Text;
using System.Text.Json;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Podman;

/// <summary>
/// A deploy whose image comes from a real registry with a login, through master and agent: the logins are the node's auth_file, read at every pull;
/// the image is pinned by its digest and stays what it was when the tag moves, until --pull.
/// </summary>
internal sealed class RegistryDeployTests
{
    private const string Password = "s3cret";

    [Test]
    public async Task An_image_is_pulled_with_the_nodes_login_and_stays_pinned()
    {
        await using var registry = await LoopbackRegistry.StartAsync(withLogin: true);
        await using var fleet = await SplitFleet.StartAsync(registry: registry.Address);
        var service = fleet.Unique("pulled");
        var image = $"{registry.Address}/team/{service}:stable";
        try
        {
            await PushAsync(image, 1);

            // A wrong password is told as such, without it; nothing of the deploy is left.
            Login(fleet, registry, "wr0ng-one");
            var refused = await DeployAsync(fleet, service, image, 1);
            await Assert.That(refused.ExitCode).IsEqualTo(1).Because(refused.ToString());
            await Assert.That(refused.Errors).Contains("step: images");
            await Assert.That(refused.Errors).Contains("auth_file");
            await Assert.That(refused.Errors).DoesNotContain("wr0ng-one");
            await Assert.That(await SplitFleet.ContainersAsync(service)).IsEmpty();

            // The right one needs no restart.
            Login(fleet, registry, Password);
            (await DeployAsync(fleet, service, image, 1)).OrThrow();
            await Assert.That(await RoundAsync(service)).IsEqualTo("1");
            var pinned = await DigestAsync(fleet, service);
            await Assert.That(pinned).StartsWith("sha256:");

            // The tag moves; a new container is made of what was pinned, also when the node has to pull it again.
            await PushAsync(image, 2);
            (await DeployAsync(fleet, service, image, 2)).OrThrow();
            await Assert.That(await RoundAsync(service)).IsEqualTo("1");
            (await fleet.RunAsync("undeploy", service, "--yes")).OrThrow();
            (await TestPodman.RunAsync(["rmi", "-f", await IdAsync($"{registry.Address}/team/{service}@{pinned}")])).OrThrow();
            var again = (await DeployAsync(fleet, service, image, 3)).OrThrow();
            await Assert.That(again.Errors).Contains($"@{pinned}");
            await Assert.That(await RoundAsync(service)).IsEqualTo("1");
            await Assert.That(await DigestAsync(fleet, service)).IsEqualTo(pinned);

            // Until it is asked for anew.
            (await DeployAsync(fleet, service, image, 3, "--pull")).OrThrow();
            await Assert.That(await RoundAsync(service)).IsEqualTo("2");
            await Assert.That(await DigestAsync(fleet, service)).IsNotEqualTo(pinned);
        }
        finally
        {
            await fleet.RunAsync("undeploy", service, "--yes");
            var left = await TestPodman.RunAsync(["images", "-q", "--filter", $"reference={registry.Address}/*/*"]);
            foreach (var id in left.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Distinct())
                await TestPodman.RunAsync(["rmi", "-f", id]);
        }
    }

    private static Task<CommandResult> DeployAsync(SplitFleet fleet, string service, string image, int deploy, params string[] more) =>
        fleet.RunAsync(["deploy", service, "-f", fleet.Define(service, $"""
            name = "{service}"
            [[components]]
            name  = "{service}"
            image = "{image}"
            cmd   = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
            env   = ["DEPLOY={deploy}"]
            """), .. more]);

    // An image of its own for each round, pushed and forgotten here: the node must pull it.
    private static async Task PushAsync(string image, int round)
    {
        var made = (await TestPodman.RunAsync(["run", "-d", TestPodman.BusyboxImage, "true"])).OrThrow().Output.Trim();
        (await TestPodman.RunAsync(["commit", "-q", "--change", $"ENV ROUND={round}", made, image])).OrThrow();
        (await TestPodman.RunAsync(["rm", "-f", made])).OrThrow();
        (await TestPodman.RunAsync(["push", "-q", "--tls-verify=false", "--creds", $"tester:{Password}", image])).OrThrow();
        (await TestPodman.RunAsync(["rmi", image])).OrThrow();
    }

    private static void Login(SplitFleet fleet, LoopbackRegistry registry, string password)
    {
        var text = $$"""{"auths": {"{{registry.Address}}": {"auth": "{{Convert.ToBase64String(Encoding.UTF8.GetBytes($"tester:{password}"))}}"} } }""";
        using var file = new FileStream(fleet.AuthFile, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        file.Write(Encoding.UTF8.GetBytes(text));
    }

    private static async Task<string> RoundAsync(string service) => (await TestPodman.RunAsync(["exec", service, "sh", "-c", "echo $ROUND"])).OrThrow().Output.Trim();

    private static async Task<string> IdAsync(string reference) => (await TestPodman.RunAsync(["image", "inspect", "--format", "{{.Id}}", reference])).OrThrow().Output.Trim();

    private static async Task<string> DigestAsync(SplitFleet fleet, string service)
    {
        using var seen = JsonDocument.Parse((await fleet.RunAsync("ps", service, "--json")).OrThrow().Output);
        return seen.RootElement.GetProperty("containers")[0].GetProperty("image_digest").GetString()!;
    }
}
