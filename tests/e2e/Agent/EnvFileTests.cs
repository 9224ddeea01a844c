using System.Text;
using Mcp.EndToEnd.Harness;
using Mcp.V1;

namespace Mcp.EndToEnd.Agent;

/// <summary>What an env file says is taken when a container is made. A restart keeps what the container has, and says so when the file says otherwise.</summary>
internal sealed class EnvFileTests
{
    [Test]
    public async Task A_restart_keeps_the_old_values_and_says_so_and_a_deploy_takes_the_new_ones()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var folder = Path.Combine(bench.DataRoot, name);
        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, "secrets.env");
        Write(file, "CHEESE=brie\n");
        var spec = AgentBench.Spec($"""
            name = "{name}"
            [[components]]
            name = "web"
            image = "{TestPodman.BusyboxImage}"
            volumes = ["/srv/{name}/data:/srv/data"]
            cmd = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
            env_files = ["/srv/{name}/secrets.env"]
            """);
        await bench.DeployAsync(spec);
        await Assert.That(await CheeseAsync(bench, name)).IsEqualTo("brie");
        await Assert.That(await RestartAsync(bench, name)).IsEmpty();

        Write(file, "CHEESE=gouda\n");
        var told = await RestartAsync(bench, name);
        await Assert.That(told).Contains($"mcp deploy {name}");
        await Assert.That(told).DoesNotContain("gouda");
        await Assert.That(await CheeseAsync(bench, name)).IsEqualTo("brie");

        var again = await bench.DeployAsync(spec);
        await Assert.That(again.Components.Single().Action).IsEqualTo("replaced");
        await Assert.That(await CheeseAsync(bench, name)).IsEqualTo("gouda");
        await Assert.That(await RestartAsync(bench, name)).IsEmpty();

        // A file that went away does not keep a service from being restarted.
        File.Delete(file);
        await Assert.That(await RestartAsync(bench, name)).Contains("does not exist");
        await Assert.That(await CheeseAsync(bench, name)).IsEqualTo("gouda");
    }

    private static void Write(string path, string text)
    {
        using var stream = new FileStream(path, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        stream.Write(Encoding.UTF8.GetBytes(text));
    }

    private static async Task<string> RestartAsync(AgentBench bench, string name)
    {
        var answer = await bench.Agent.Operations.RestartAsync(AgentBench.Asker(), new RestartServiceRequest { Service = name }, CancellationToken.None);
        return string.Join('\n', answer.Steps.Where(s => s.Success && !s.Skipped).Select(s => s.Error).Where(e => e.Length > 0));
    }

    private static async Task<string> CheeseAsync(AgentBench bench, string name)
    {
        var container = (await bench.ContainersAsync(name)).Single();
        return (await TestPodman.RunAsync(["exec", container.Id, "sh", "-c", "echo $CHEESE"])).OrThrow().Output.Trim();
    }
}
